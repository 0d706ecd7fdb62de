import type { FaultKind } from '../fault.ts';
import type { CatalogState } from '../lane.ts';
import type { Step } from '../play.ts';

/** The catalog is away from one step of a run to another; the run must not care. */
const away = (name: string, state: CatalogState, weight: number): FaultKind => ({
  name,
  weight,
  arm({ lane, random }) {
    const steps: readonly Step[] = ['admit', 'validate', 'record'];
    const from = random.pick(steps);
    const until = random.pick(['validate', 'record', 'never'] as const);
    let isAway = false;
    return {
      note: `the catalog is ${state} from '${from}' until '${until}'`,
      interference: {
        beforeStep(step) {
          if (step === from) {
            lane.setCatalog(state);
            isAway = true;
          } else if (step === until) lane.setCatalog('up');
        },
      },
      isInjected: () => isAway,
    };
  },
});

export const catalogFaults: readonly FaultKind[] = [
  away('catalog-down', 'down', 1.5),
  away('catalog-silent', 'silent', 0.7),
];
