import type { BackupId } from '../core/ids.ts';
import { compareEvents, type JournalEvent } from '../core/journal.ts';
import { journalPrefix } from '../core/object-keys.ts';
import { knownAfter, unverified, type Verification } from '../core/verification.ts';
import { readEvent } from './journal.ts';
import type { Store } from './store.ts';

/** What the journal says is known of a backup's content. */
export async function readVerification(store: Store, backup: BackupId): Promise<Verification> {
  const keys: string[] = [];
  for await (const { key } of store.list(journalPrefix(backup)))
    if (/\/\d+-backup-(completed|verified)-/.test(key)) keys.push(key);
  return verificationIn(store, keys);
}

/** The same from the keys of its entries `backup-completed` and `backup-verified`, for those who have listed the journal already. */
export async function verificationIn(store: Store, keys: readonly string[]): Promise<Verification> {
  const events: readonly JournalEvent[] = await Promise.all(keys.map((key) => readEvent(store, key)));
  return events.toSorted(compareEvents).reduce(knownAfter, unverified);
}
