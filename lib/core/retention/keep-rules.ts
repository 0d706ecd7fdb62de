import type { VerificationStatus } from '../vocabulary.ts';
import type { Chains } from './chains.ts';
import type { BackupFacts } from './facts.ts';
import { periods } from './periods.ts';
import type { RetentionPolicy } from './policy.ts';

/** Backups that a rule keeps, each with why. */
export type Reasons = readonly (readonly [backup: BackupFacts, reason: string])[];

/** How much is known of a backup's content: of two, the one of which more is known is the better last resort. */
const knowledge: readonly VerificationStatus[] = ['PENDING', 'VALIDATED', 'VERIFIED'];

/**
 * The floor of one target and method: its newest complete backups, and the newest of those of which most is known. Where nothing is complete,
 * the newest that there is, since a part is better than nothing.
 */
export function keptByFloor(backups: readonly BackupFacts[], chains: Chains, { floor }: RetentionPolicy): Reasons {
  const newest = newestFirst(backups.filter((backup) => chains.isRestorable(backup)));
  const [first] = newest;
  if (first === undefined) {
    return newestFirst(backups)
      .slice(0, floor)
      .map((backup) => [
        backup,
        `there is no complete ${backup.method} backup of '${backup.target}', and nothing newer`,
      ]);
  }
  const best = newest.reduce((found, backup) => (knownOf(backup) > knownOf(found) ? backup : found), first);
  return [
    ...newest
      .slice(0, floor)
      .map(
        (backup, index) =>
          [backup, `${ordinal(index)} complete ${backup.method} backup of '${backup.target}'`] as const,
      ),
    [best, `the newest ${best.verification.toLowerCase()} ${best.method} backup of '${best.target}'`],
  ];
}

/** The last backup of each of the newest periods that have one, and the last few of all. Only what can be restored counts. */
export function keptByPeriods(backups: readonly BackupFacts[], chains: Chains, { keep }: RetentionPolicy): Reasons {
  if (Object.values(keep).every((count) => count === 0)) return [];
  const newest = newestFirst(backups.filter((backup) => chains.isRestorable(backup)));
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
export function keptByWindow(
  backups: readonly BackupFacts[],
  chains: Chains,
  { window }: RetentionPolicy,
  now: Date,
): Reasons {
  if (window === undefined) return [];
  const covered = backups.filter(({ method }) => window.methods.includes(method));
  const start = now.getTime() - window.days * 86_400_000;
  // A base serves from its end on: what was written while it was taken has to be replayed first.
  const base = newestFirst(
    covered.filter(
      (backup) => backup.parent === null && Date.parse(backup.endedAt) <= start && chains.isRestorable(backup),
    ),
  )[0];
  const since = base === undefined ? Number.NEGATIVE_INFINITY : Date.parse(base.beganAt);
  const reason = `needed to restore to any time since ${new Date(start).toISOString().slice(0, 10)}`;
  return covered
    .filter((backup) => backup === base || Date.parse(backup.endedAt) > since)
    .map((backup) => [backup, reason]);
}

const knownOf = ({ verification }: BackupFacts): number => knowledge.indexOf(verification);

/** Ids begin with their time and settle what began in the same instant. */
const newestFirst = (backups: readonly BackupFacts[]): readonly BackupFacts[] =>
  backups.toSorted((a, b) => Date.parse(b.beganAt) - Date.parse(a.beganAt) || (a.id < b.id ? 1 : -1));

const ordinal = (index: number): string => (index === 0 ? 'the newest' : `number ${index + 1} of the newest`);
