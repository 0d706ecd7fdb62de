import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { type BackupId, backupIdSchema, targetNameSchema } from '../core/ids.ts';
import type { JournalEvent } from '../core/journal.ts';
import { requesterSchema } from '../core/manifest.ts';
import { journalPrefix } from '../core/object-keys.ts';
import type { Hold } from '../core/retention/facts.ts';
import { readManifest } from '../store/backups.ts';
import { readEvent } from '../store/journal.ts';
import type { Store } from '../store/store.ts';
import { holdOf } from './cleanup/backup-facts.ts';
import { holdObjects } from './cleanup/hold-objects.ts';
import { isExpiring, type JournalSummary, nothingKnown, summarizeJournal } from './cleanup/journal-summary.ts';
import type { Recorder } from './recorder.ts';

type Dependencies = {
  readonly store: Store;
  readonly recorder: Recorder;
  readonly clock: () => Date;
  /** Who changes the store's own locks: `cleanup` for those who may not. @default 'caller' */
  readonly locks?: 'caller' | 'cleanup';
};
const askedSchema = z.strictObject({
  target: targetNameSchema,
  id: backupIdSchema,
  reason: z.string().min(1).max(1000),
  by: requesterSchema,
});
type Asked = z.infer<typeof askedSchema>;

/** What the function takes that holds and releases for those who may not write. */
export const holdRequestSchema = askedSchema.extend({ isHeld: z.boolean() });
export type HoldRequest = z.infer<typeof holdRequestSchema>;

export type HoldOutcome = {
  /** Did it change anything? */
  readonly wasHeld: boolean;
  /** The store's own legal hold: `none` where there is no such thing, `later` where this user may not and the next cleanup does it. */
  readonly legalHold: 'set' | 'none' | 'later';
  /** A cleanup had begun to remove the backup: it stays if the manifest is still there when that is over. */
  readonly isBeingRemoved: boolean;
};

/**
 * Keeps a backup from being removed by anybody until it is released. The event comes first and is what counts: a cleanup that has decided
 * already looks for it once more before it removes anything. The store's own legal hold, where there is one, follows. Holding what is
 * held gives it the new reason.
 */
export async function holdBackup(dependencies: Dependencies, asked: Asked): Promise<HoldOutcome> {
  return change(dependencies, asked, true);
}

/** Takes a hold back. The backup then goes when the other rules let it, at the next cleanup. */
export async function releaseBackup(dependencies: Dependencies, asked: Asked): Promise<HoldOutcome> {
  return change(dependencies, asked, false);
}

/** The hold that stands on a backup, or null. */
export async function currentHold(store: Store, id: BackupId): Promise<Hold | null> {
  return holdOf(store, await summaryOf(store, id));
}

async function change(
  { store, recorder, clock, locks = 'caller' }: Dependencies,
  asked: Asked,
  isHeld: boolean,
): Promise<HoldOutcome> {
  const { target, id, reason, by } = asked;
  const { tenant } = await readManifest(store, target, id);
  const known = await summaryOf(store, id);
  const wasHeld = known.hold?.includes('-backup-held-') === true;
  if (isHeld || wasHeld) {
    const base = { operation: id, at: await timeAfter(store, known, clock()), tenant, reason };
    const event: JournalEvent = isHeld
      ? { ...base, event: 'backup-held', heldBy: by }
      : { ...base, event: 'backup-released', releasedBy: by };
    await recorder.record(event);
  }
  const isBeingRemoved = isHeld && isExpiring(await summaryOf(store, id));
  // What was not held by Holdfast may be held by somebody else, by the store's own means.
  const legalHold = !isHeld && !wasHeld ? 'none' : await lock(store, { target, id, isHeld, locks });
  return { wasHeld, legalHold, isBeingRemoved };
}

/** Whoever may not change legal holds leaves it to the cleanup, whose role may. */
async function lock(
  store: Store,
  {
    target,
    id,
    isHeld,
    locks,
  }: Pick<Asked, 'target' | 'id'> & { readonly isHeld: boolean; readonly locks: 'caller' | 'cleanup' },
): Promise<HoldOutcome['legalHold']> {
  if (locks === 'cleanup') return store.kind === 's3' ? 'later' : 'none';
  try {
    return (await holdObjects(store, { target, id, isHeld })) ? 'set' : 'none';
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'store-denied') return 'later';
    throw error;
  }
}

/** Now, but after the last hold or release: with a clock that is behind, this one would otherwise count as the older of the two. */
async function timeAfter(store: Store, { hold }: JournalSummary, now: Date): Promise<string> {
  if (hold === undefined) return now.toISOString();
  const last = Date.parse((await readEvent(store, hold)).at);
  return new Date(Math.max(now.getTime(), last + 1)).toISOString();
}

const summaryOf = async (store: Store, id: BackupId): Promise<JournalSummary> =>
  (await summarizeJournal(store, journalPrefix(id))).get(id) ?? nothingKnown();
