import type { Random } from '../faults/random.ts';
import type { FaultKind } from './fault.ts';
import { catalogFaults } from './faults/catalog.ts';
import { contests } from './faults/contests.ts';
import { processFaults } from './faults/process.ts';
import { faultsAtRest } from './faults/rest.ts';
import { sourceFaults } from './faults/source.ts';
import { storeFaults } from './faults/store.ts';

/** A run without a fault: what the checks say of it must be good, or they say nothing of the others. */
const none: FaultKind = {
  name: 'none',
  arm: () => ({ note: 'no fault', interference: {}, isInjected: () => true }),
};

/** Everything that a campaign does to runs. */
export const faultKinds: readonly FaultKind[] = [
  none,
  ...processFaults,
  ...sourceFaults,
  ...storeFaults,
  ...faultsAtRest,
  ...catalogFaults,
  ...contests,
];

/** One of the kinds that can happen to a store, by their weights. */
export function pickKind(random: Random, store: 'file' | 's3', kinds: readonly FaultKind[]): FaultKind {
  const possible = kinds.filter((kind) => kind.store === undefined || kind.store === store);
  const total = possible.reduce((sum, { weight = 1 }) => sum + weight, 0);
  let left = random.next() * total;
  for (const kind of possible) {
    left -= kind.weight ?? 1;
    if (left < 0) return kind;
  }
  return possible.at(-1) ?? none;
}
