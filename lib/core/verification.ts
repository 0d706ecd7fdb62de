import type { JournalEvent } from './journal.ts';
import type { ValidationType, VerificationStatus } from './vocabulary.ts';

/** What is known of a backup's content, why, and by which kind of look. */
export type Verification = {
  readonly status: VerificationStatus;
  readonly detail: string | null;
  readonly by: ValidationType | null;
};

/** Before anybody has looked. */
export const unverified: Verification = { status: 'PENDING', detail: null, by: null };

/**
 * What is known after one more look. A stronger proof is not undone by a weaker one that agrees: a backup that a restore test has verified
 * stays so when it is merely read again, and one that failed a restore test does not become good by being readable. Every failure counts.
 */
export function verificationAfter(before: Verification, next: Verification): Verification {
  if (next.status === 'VERIFIED' || next.status === 'FAILED') return next;
  const isSettled = before.status === 'VERIFIED' || (before.status === 'FAILED' && before.by === 'restore-test');
  return isSettled || (next.status === 'PENDING' && before.status !== 'PENDING') ? before : next;
}

/** What is known after one more event of the backup's journal; events have to come in their order. */
export function knownAfter(known: Verification, event: JournalEvent): Verification {
  if (event.event === 'backup-completed')
    return verificationAfter(known, { status: event.verification, detail: known.detail, by: null });
  if (event.event !== 'backup-verified') return known;
  return verificationAfter(known, { status: event.verification, detail: event.detail, by: event.by ?? null });
}
