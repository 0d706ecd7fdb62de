import type { Chains } from './chains.ts';
import type { BackupFacts } from './facts.ts';
import { periods } from './periods.ts';
import type { RetentionPolicy } from './policy.ts';

/** What the rules look at: backups of one target and method, newest first, that are not of the future. */
type Backups = readonly BackupFacts[];

/** Backups that a rule keeps, each with why. */
export type Reasons = readonly (readonly [backup: BackupFacts, reason: string])[];

/**
 * The floor of one target and method: its newest complete backups, and the newest that a restore has proved. Where nothing is complete, the
 * newest that there is, since a part is better than nothing.
 */
export function keptByFloor(backups: Backups, chains: Chains, { floor }: RetentionPolicy): Reasons {
  const newest = backups.filter((backup) => chains.isRestorable(backup));
  if (newest.length === 0) {
    return backups
      .slice(0, floor)
      .map((backup) => [
        backup,
        `there is no complete ${backup.method} backup of '${backup.target}', and nothing newer`,
      ]);
  }
  const proved = newest.filter(({ verification }) => verification === 'VERIFIED').slice(0, 1);
  return [
    ...newest
      .slice(0, floor)
      .map(
        (backup, index) =>
          [backup, `${ordinal(index)} complete ${backup.method} backup of '${backup.target}'`] as const,
      ),
    ...proved.map((backup) => [backup, `the newest verified ${backup.method} backup of '${backup.target}'`] as const),
  ];
}

/** The last backup of each of the newest periods that have one, and the last few of all. Only what can be restored counts. */
export function keptByPeriods(backups: Backups, chains: Chains, { keep }: RetentionPolicy): Reasons {
  if (Object.values(keep).every((count) => count === 0)) return [];
  const newest = backups.filter((backup) => chains.isRestorable(backup));
  const last = newest.slice(0, keep.last).map((backup) => [backup, `one of the last ${keep.last} to keep`] as const);
  const ofPeriods = periods.flatMap(({ counted, name, of }) => {
    const lastOf = new Map<string, BackupFacts>();
    for (const backup of newest) {
      const period = of(Date.parse(backup.beganAt));
      if (!lastOf.has(period)) lastOf.set(period, backup);
    }
    return [...lastOf]
      .slice(0, keep[counted])
      .map(([period, backup]) => [backup, `the last of ${name} ${period}, one of ${keep[counted]} to keep`] as const);
  });
  return [...last, ...ofPeriods];
}

/** What the point-in-time window needs: the newest base that was complete when it begins, and everything after that. */
export function keptByWindow(backups: Backups, chains: Chains, { window }: RetentionPolicy, now: Date): Reasons {
  if (window === undefined) return [];
  const covered = backups.filter(({ method }) => window.methods.includes(method));
  const start = now.getTime() - window.days * 86_400_000;
  // A base serves from its end on: what was written while it was taken has to be replayed first.
  const base = covered.find(
    (backup) => backup.parent === null && Date.parse(backup.endedAt) <= start && chains.isRestorable(backup),
  );
  const since = base === undefined ? Number.NEGATIVE_INFINITY : Date.parse(base.beganAt);
  const reason = `needed to restore to any time since ${new Date(start).toISOString().slice(0, 10)}`;
  return covered
    .filter((backup) => backup === base || Date.parse(backup.endedAt) > since)
    .map((backup) => [backup, reason]);
}

/** Ids begin with their time and settle what began in the same instant. */
export function newestFirst(backups: readonly BackupFacts[]): Backups {
  return backups
    .map((backup) => ({ backup, time: Date.parse(backup.beganAt) }))
    .sort((a, b) => b.time - a.time || (a.backup.id < b.backup.id ? 1 : -1))
    .map(({ backup }) => backup);
}

const ordinal = (index: number): string => (index === 0 ? 'the newest' : `number ${index + 1} of the newest`);
