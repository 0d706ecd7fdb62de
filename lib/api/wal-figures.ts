import type { HoldfastConfig } from '../config/config.ts';
import { receivedTargets } from '../config/received-targets.ts';
import { walStateSchema } from '../core/health.ts';
import type { FigureName, Sample } from '../core/metrics.ts';
import { walHealthKey } from '../core/object-keys.ts';
import { readDocument } from '../store/document.ts';
import type { Store } from '../store/store.ts';

/** The receiver speaks every half minute: what it said last is no news any more after this. */
const freshMs = 2 * 60_000;

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
    const lag = silentMs > freshMs ? silentMs / 1000 : state.lagSeconds;
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
