import type { TargetName } from './ids.ts';
import { problemId } from './problem-kinds.ts';
import type { Problem } from './problems.ts';
import { bringsDataBack, type Method } from './vocabulary.ts';
import type { WalFacts } from './wal-problems.ts';

type Series = {
  readonly target: TargetName;
  readonly method: Method;
  readonly newest: { readonly beganAt: string } | null;
};

/**
 * Where a log is received, the newest restorable point is its end, as long as it goes on from a base backup without a hole; otherwise that of the
 * newest backup, as without a log. So the objective counts however seldom a backup is due.
 */
export function latePoints(logs: readonly WalFacts[], series: readonly Series[], now: Date): Problem[] {
  return logs.flatMap(({ target, rpoHours, reach }): Problem[] => {
    const ofBackups = series.filter((one) => one.target === target && bringsDataBack(one.method));
    const points = [...ofBackups.flatMap(({ newest }) => newest?.beganAt ?? []), ...(reach ? [reach.point] : [])];
    // Without a backup there is no point at all, which is another problem.
    if (points.length === 0) return [];
    const hours = (now.getTime() - Math.max(...points.map(Date.parse))) / 3_600_000;
    if (hours <= rpoHours) return [];
    const why = reach ? '' : ', and its log is not known to go on from a base backup to where it is received';
    const message = `the last point to which '${target}' can be restored is ${spoken(hours)} old; its objective is ${spoken(rpoHours)}${why}`;
    return [{ id: problemId('rpo-exceeded', target), kind: 'rpo-exceeded', target, message }];
  });
}

const spoken = (hours: number): string =>
  hours < 2 ? `${Math.round(hours * 60)} minutes` : `${Math.round(hours)} hours`;
