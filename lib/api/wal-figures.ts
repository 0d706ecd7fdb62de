import type { HoldfastConfig } from '../config/config.ts';
import { receivedTargets } from '../config/received-targets.ts';
import { walStateFreshMs, walStateSchema } from '../core/health.ts';
import type { FigureName, Sample } from '../core/metrics.ts';
import { walHealthKey } from '../core/object-keys.ts';
import { readDocument } from '../store/document.ts';
import type { Store } from '../store/store.ts';

/** Of each log that is received, how far it is, by its receiver's last word. */
export async function walFigures(
  { config, store }: { readonly config: HoldfastConfig; readonly store: Store },
  now: Date,
): Promise<readonly Sample[]> {
  const received = receivedTargets(config.targets);
  const states = await Promise.all(received.map(({ name }) => readDocument(store, walHealthKey(name), walStateSchema)));
  return states.flatMap(({ value: state }): Sample[] => {
    if (state === undefined) return [];
    const labels = { target: state.target };
    const silentMs = Math.max(0, now.getTime() - Date.parse(state.at));
    const lag = silentMs > walStateFreshMs ? silentMs / 1000 : state.lagSeconds;
    const row = (figure: FigureName, value: number): Sample => ({ figure, labels, value });
    return [
      row('walLag', lag),
      row('walLagBytes', state.lagBytes),
      row('walSlotRetained', state.slot.retainedBytes),
      ...(state.restorablePoint === null
        ? []
        : [row('walPointAge', Math.max(0, (now.getTime() - Date.parse(state.restorablePoint)) / 1000))]),
    ];
  });
}
