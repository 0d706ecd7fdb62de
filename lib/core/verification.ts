import type { JournalEvent } from './journal.ts';
import type { ValidationType, VerificationStatus } from './vocabulary.ts';

/** What is known of a backup's content, why, and by which kind of look. */
export type Verification = {
  readonly status: VerificationStatus;
  readonly detail: string | null;
  readonly by: ValidationType | null;
  /** The newest moment that a restore test has brought back of it, where that is another than the backup's own. */
  readonly restoredPoint?: string;
};

/** Before anybody has looked. */
export const unverified: Verification = { status: 'PENDING', detail: null, by: null };

/**
 * What is known after one more look. A stronger proof is not undone by a weaker one that agrees: a backup that a restore test has verified
 * stays so when it is merely read again, and one that failed a restore test does not become good by being readable. Every failure counts.
 */
export function verificationAfter(before: Verification, next: Verification): Verification {
  if (next.status === 'VERIFIED') return { ...next, ...newest(before.restoredPoint, next.restoredPoint) };
  if (next.status === 'FAILED') return next;
  const isSettled = before.status === 'VERIFIED' || (before.status === 'FAILED' && before.by === 'restore-test');
  return isSettled || (next.status === 'PENDING' && before.status !== 'PENDING') ? before : next;
}

/** What is known after one more event of the backup's journal; events have to come in their order. */
export function knownAfter(known: Verification, event: JournalEvent): Verification {
  if (event.event === 'backup-completed')
    return verificationAfter(known, { status: event.verification, detail: known.detail, by: null });
  if (event.event !== 'backup-verified') return known;
  const { verification: status, detail, by = null, restoredPoint } = event;
  return verificationAfter(known, { status, detail, by, ...(restoredPoint !== undefined && { restoredPoint }) });
}

/** A test that drew an earlier moment proves what a test of a later one has proved already. */
function newest(...points: readonly (string | undefined)[]): Pick<Verification, 'restoredPoint'> {
  const [last] = points.filter((point) => point !== undefined).toSorted((a, b) => Date.parse(b) - Date.parse(a));
  return last === undefined ? {} : { restoredPoint: last };
}
