import type { BackupId, TargetName } from './ids.ts';

/** A backup that could be tested: complete, and not known to be bad. */
export type TestCandidate = {
  readonly target: TargetName;
  readonly backupId: BackupId;
  readonly restorablePoint: string;
  /** Has a restore test passed on it? */
  readonly isVerified: boolean;
};

/** A candidate and the probability with which it is chosen. */
export type TestOdds = { readonly candidate: TestCandidate; readonly odds: number };

const hourMs = 3_600_000;

/** A target that never was verified counts like one that was a year ago. */
const longestHours = 365 * 24;

/**
 * With which probability each candidate is the next to be tested; all together are 1, and none is 0, so that no target and no backup is
 * out of sight for ever.
 *
 * Between targets it grows with the square of the time since the newest point that a test has brought back: two targets, one verified a week
 * ago and one four weeks ago, are chosen 1 : 16. Within a target each older backup has half the chance of the next newer one, because the
 * newest is what a recovery would take; and one that was verified has a tenth.
 */
export function restoreTestOdds(candidates: readonly TestCandidate[], now: Date): readonly TestOdds[] {
  const weighted = [...Map.groupBy(candidates, ({ target }) => target).values()].flatMap((ofTarget) => {
    const newestFirst = ofTarget.toSorted((a, b) => order(b, a));
    const inTarget = newestFirst.map((candidate, age) => 2 ** -Math.min(age, 40) * (candidate.isVerified ? 0.1 : 1));
    const sum = total(inTarget);
    const weight = unverifiedHours(newestFirst, now) ** 2;
    return newestFirst.map((candidate, index) => ({ candidate, weight: (weight * (inTarget[index] ?? 0)) / sum }));
  });
  const sum = total(weighted.map(({ weight }) => weight));
  return weighted.map(({ candidate, weight }) => ({ candidate, odds: weight / sum }));
}

/** The candidate that `random`, a number from 0 up to 1, picks; undefined when there is none. */
export function chooseRestoreTest(
  candidates: readonly TestCandidate[],
  { now, random }: { readonly now: Date; readonly random: number },
): TestOdds | undefined {
  const all = restoreTestOdds(candidates, now);
  let passed = 0;
  for (const one of all) {
    passed += one.odds;
    if (passed > random) return one;
  }
  // What rounding leaves of the sum belongs to the last.
  return all.at(-1);
}

function unverifiedHours(candidates: readonly TestCandidate[], now: Date): number {
  const verified = candidates.filter(({ isVerified }) => isVerified).map(timeOf);
  if (verified.length === 0) return longestHours;
  return Math.min(longestHours, Math.max(1, (now.getTime() - Math.max(...verified)) / hourMs));
}

const timeOf = ({ restorablePoint }: TestCandidate): number => Date.parse(restorablePoint);
const order = (a: TestCandidate, b: TestCandidate): number =>
  timeOf(a) - timeOf(b) || (a.backupId < b.backupId ? -1 : 1);
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
