import { HoldfastError } from './errors.ts';
import type { RecoveryPlan } from './recovery-plan.ts';
import { describePoint, isBefore, type ReachedPoint, type RecoveryPoint } from './recovery-point.ts';

/**
 * Holds what a recovery says that it reached against what was asked for and planned. Throws `point-unreachable` when it is another point, or
 * none. A name or a transaction is in the log alone: that it was met, the recovery itself has proved.
 */
export function requireReached(
  asked: RecoveryPoint | null,
  reached: ReachedPoint | undefined,
  log: RecoveryPlan['log'],
): void {
  if (reached === undefined) {
    if (asked === null || asked.kind === 'immediate') return;
    throw new HoldfastError('point-unreachable', `${describePoint(asked)} was asked for, and no log was applied`);
  }
  const point = asked ?? { kind: 'latest' };
  const elsewhere = (why: string): HoldfastError =>
    new HoldfastError('point-unreachable', `${describePoint(point)} was not reached: ${why}`, {
      hint: 'the copy is in place, and not what was asked for: remove it, and ask again',
    });
  switch (point.kind) {
    case 'time':
      // A server counts microseconds, and a reached point has milliseconds.
      if (reached.at !== null && Date.parse(reached.at) > Date.parse(point.value))
        throw elsewhere(`its last transaction is of ${reached.at}`);
      return;
    case 'lsn':
      if (point.isExclusive !== true && isBefore(reached.position, point.value))
        throw elsewhere(`it ends at ${reached.position}`);
      return;
    case 'latest':
      if (log !== null && isBefore(reached.position, log.lastSegmentFrom))
        throw elsewhere(`it ends at ${reached.position}, and the log went to ${log.reachable} when it was planned`);
      return;
    case 'immediate':
    case 'name':
    case 'transaction':
      return;
    default:
      point satisfies never;
  }
}
