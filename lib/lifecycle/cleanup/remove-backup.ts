import { eventsOfManifest } from '../../catalog/manifest-events.ts';
import type { CleanupTotals } from '../../core/cleanup.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { BackupId, TargetName } from '../../core/ids.ts';
import type { JournalEvent } from '../../core/journal.ts';
import { backupPrefix, journalPrefix, manifestKey } from '../../core/object-keys.ts';
import { expiredTags } from '../../core/object-tags.ts';
import { readManifest } from '../../store/backups.ts';
import { eraseAll } from '../../store/erase-all.ts';
import { readerSince } from '../../store/in-use.ts';
import { readEvent } from '../../store/journal.ts';
import type { Retained, Store } from '../../store/store.ts';
import { isExpiring, isHeld, type JournalSummary, nothingKnown, summarizeJournal } from './journal-summary.ts';

export type Removal = {
  readonly store: Store;
  readonly clock: () => Date;
  readonly cleanupId: BackupId;
  /** Before the plan was made: who has read a backup since then needs it. */
  readonly plannedAt: Date;
  /** Puts an event into the journal. The catalog may be told later. */
  readonly note: (event: JournalEvent) => Promise<void>;
  readonly log: { info(message: string): void };
};

type Named = { readonly target: TargetName; readonly id: BackupId };
type Owned = Named & { readonly tenant: string | null };

/**
 * Removes one backup whose time is over, unless somebody holds or reads it by now.
 *
 * Invariant: data goes only when there is no manifest that names it, and a manifest goes only when the journal says so; so at any moment there
 * is a whole backup, or none. In order, and what a crash after each step leaves:
 *
 * 1. What the journal lacks of the backup is written from its manifest.  Nothing has changed.
 * 2. `backup-expired` is written.     A whole backup that is called EXPIRED. The next plan removes it, or says `backup-kept`.
 * 3. Holds are looked at once more.   As before. (Whoever holds writes first and looks second; so one of both sees the other.)
 * 4. The manifest goes.               Data without a backup. The next cleanup goes on with step 5.
 * 5. Readers are looked for.          As before. A reader that has seen the manifest is seen here, and keeps the data for now.
 * 6. The data goes.                   Nothing, or a part of the data, of which nobody knows. The next cleanup goes on with step 5.
 * 7. `backup-deleted` is written.     All is done.
 *
 * The backups that build on this one have gone before: the plan's order sees to it.
 */
export async function removeBackup(
  removal: Removal,
  { target, id, tenant, reason }: Owned & { readonly reason: string },
): Promise<Partial<CleanupTotals>> {
  const { store, clock, cleanupId, plannedAt, note, log } = removal;
  const before = await summaryOf(store, id);
  const reader = isHeld(before) ? 'a hold' : await readerSince(store, { target, id, since: plannedAt });
  if (reader !== undefined) {
    log.info(`'${id}' stays for now: ${reader}`);
    return { postponed: 1 };
  }
  await completeJournal(removal, { target, id }, before);
  const expiredAt = isExpiring(before) ? await timeOfExpiry(store, before) : clock();
  if (!isExpiring(before))
    await note({
      event: 'backup-expired',
      operation: id,
      at: expiredAt.toISOString(),
      tenant,
      target,
      cleanup: cleanupId,
      reason,
    });

  const stays = async (why: string): Promise<void> => {
    const at = new Date(Math.max(clock().getTime(), expiredAt.getTime() + 1)).toISOString();
    await note({ event: 'backup-kept', operation: id, at, tenant, cleanup: cleanupId, reason: why });
    log.info(`'${id}' stays: ${why}`);
  };
  if (isHeld(await summaryOf(store, id))) {
    await stays('it was held while it was about to go');
    return { postponed: 1 };
  }
  const manifest = await eraseAll(store, manifestKey(target, id));
  const freed = { removedObjects: manifest.objects, freedBytes: manifest.freedBytes };
  if (manifest.retained.length > 0) {
    await stays('the store has its manifest locked');
    return { ...freed, ...retainedIn(manifest.retained), postponed: 1 };
  }
  return finishRemoval(removal, { target, id, tenant }, freed);
}

/** Steps 5 to 7 of `removeBackup`: what is left of a backup that has no manifest any more. `freed` is what went with the manifest. */
export async function finishRemoval(
  { store, clock, cleanupId, plannedAt, note, log }: Removal,
  { target, id, tenant }: Owned,
  freed: Pick<CleanupTotals, 'removedObjects' | 'freedBytes'> = { removedObjects: 0, freedBytes: 0 },
): Promise<Partial<CleanupTotals>> {
  const reader = await readerSince(store, { target, id, since: plannedAt });
  if (reader !== undefined) {
    log.info(`the data of '${id}' stays for now: ${reader}`);
    return { ...freed, postponed: 1 };
  }
  const data = await eraseAll(store, backupPrefix(target, id));
  const removedObjects = freed.removedObjects + data.objects;
  const freedBytes = freed.freedBytes + data.freedBytes;
  if (data.retained.length > 0) {
    await leaveToLifecycle(store, data.retained);
    return { removedObjects, freedBytes, ...retainedIn(data.retained), postponed: 1 };
  }
  await note({
    event: 'backup-deleted',
    operation: id,
    at: clock().toISOString(),
    tenant,
    cleanup: cleanupId,
    freedBytes,
  });
  return { deleted: 1, removedObjects, freedBytes };
}

/**
 * What a lock keeps is tagged: in S3 the lifecycle removes it as soon as it may, even if no cleanup ever runs again. Best effort, because the
 * next cleanup tries again, and a version that is not the current one cannot be tagged by its key.
 */
async function leaveToLifecycle(store: Store, retained: readonly Retained[]): Promise<void> {
  for (const key of new Set(retained.map(({ key: of }) => of)))
    await store.setTags(key, expiredTags).catch((error: unknown) => {
      if (!(error instanceof HoldfastError) || error.retryable) throw error;
    });
}

/** A backup whose journal was lost is known from its manifest alone. That is about to go, and the catalog is to be rebuilt without it. */
async function completeJournal({ store, note }: Removal, { target, id }: Named, known: JournalSummary): Promise<void> {
  if (known.isRequested) return;
  const events = eventsOfManifest(await readManifest(store, target, id), store);
  const hasEnded = known.isCompleted || known.isFailed;
  for (const event of events) {
    if (event.event === 'backup-requested' || !hasEnded) await note(event);
  }
}

const summaryOf = async (store: Store, id: BackupId): Promise<JournalSummary> =>
  (await summarizeJournal(store, journalPrefix(id))).get(id) ?? nothingKnown();

async function timeOfExpiry(store: Store, { expiry = '' }: JournalSummary): Promise<Date> {
  return new Date((await readEvent(store, expiry)).at);
}

const retainedIn = (retained: readonly Retained[]): Pick<CleanupTotals, 'retainedObjects' | 'retainedBytes'> => ({
  retainedObjects: retained.length,
  retainedBytes: retained.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
});
