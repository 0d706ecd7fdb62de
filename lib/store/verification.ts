import type { BackupId } from '../core/ids.ts';
import { compareEvents, type JournalEvent } from '../core/journal.ts';
import { journalPrefix } from '../core/object-keys.ts';
import { knownAfter, unverified, type Verification } from '../core/verification.ts';
import { readEvent } from './journal.ts';
import type { Store } from './store.ts';

/** What the journal says is known of a backup's content. */
export async function readVerification(store: Store, backup: BackupId): Promise<Verification> {
  const events: JournalEvent[] = [];
  for await (const { key } of store.list(journalPrefix(backup)))
    if (/\/\d+-backup-(completed|verified)-/.test(key)) events.push(await readEvent(store, key));
  return events.toSorted(compareEvents).reduce(knownAfter, unverified);
}
