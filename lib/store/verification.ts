import { HoldfastError } from '../core/errors.ts';
import type { BackupId } from '../core/ids.ts';
import { compareEvents, type JournalEvent } from '../core/journal.ts';
import type { Manifest } from '../core/manifest.ts';
import { journalPrefix } from '../core/object-keys.ts';
import { knownAfter, unverified, type Verification } from '../core/verification.ts';
import { readManifest } from './backups.ts';
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

/** Is something of what the backup builds on known to be bad? Then it brings nothing back, whatever is known of itself. */
export async function buildsOnBad(
  store: Store,
  { target, parent }: Pick<Manifest, 'target' | 'parent'>,
): Promise<boolean> {
  for (let id = parent; id !== null; ) {
    if ((await readVerification(store, id)).status === 'FAILED') return true;
    id = (await readManifest(store, target, id)).parent;
  }
  return false;
}

/** May another backup build on this one? Not when it or what it builds on is known to be bad, or is gone. */
export async function canBeBuiltOn(store: Store, backup: Manifest): Promise<boolean> {
  try {
    const { status } = await readVerification(store, backup.backupId);
    return status !== 'FAILED' && !(await buildsOnBad(store, backup));
  } catch (error) {
    if (error instanceof HoldfastError && !error.retryable) return false;
    throw error;
  }
}
