import { HoldfastError } from '../core/errors.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import { leaseTtlSeconds } from '../core/lease-ttl.ts';
import { inUseKey, inUsePrefix } from '../core/object-keys.ts';
import { acquireLease, type Lease, leaseAt } from './lease.ts';
import type { Store } from './store.ts';

/**
 * Marks that keep a backup from being removed while it is read, without reader and cleanup ever waiting for each other:
 *
 * - a reader writes its mark first and reads the manifest second;
 * - a cleanup removes the manifest first, looks for marks second, and removes data third.
 *
 * So a reader that has seen the manifest has its mark seen, and keeps the data; one that comes later finds no manifest, and no backup. A run
 * that builds on a backup is a reader of it until it has published, and a mark that was released since the cleanup made its plan still
 * counts: the plan may not know of what was built meanwhile.
 */
export type Reading = {
  readonly target: TargetName;
  readonly id: BackupId;
  /** Tells readers of one backup apart; safe as a key's segment. */
  readonly reader: string;
  /** Names one run: its retries are the same holder. */
  readonly holder: string;
  readonly description: string;
  readonly clock: () => Date;
};

/** Clocks of readers and cleanups may be this far apart. */
const clockMarginMs = 15 * 60_000;

/** A reader that was killed is waited for this long, since it may be tried again. */
const silenceMs = 24 * 3_600_000;

/** Marks the backup as being read. Undefined where this user may only read the store: then nothing keeps a cleanup away. */
export async function markInUse(store: Store, reading: Reading): Promise<Lease | undefined> {
  const { target, id, reader, ...lease } = reading;
  try {
    return await acquireLease(store, inUseKey(target, id, reader), { ...lease, ttlSeconds: leaseTtlSeconds });
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'store-denied') return undefined;
    throw error;
  }
}

/** Who has read the backup at any time since `since`, or reads it still: the reader's own description, or undefined. */
export async function readerSince(
  store: Store,
  { target, id, since }: { readonly target: TargetName; readonly id: BackupId; readonly since: Date },
): Promise<string | undefined> {
  for await (const { key } of store.list(inUsePrefix(target, id))) {
    const mark = await leaseAt(store, key).catch((error: unknown) => {
      // A mark that cannot be read is somebody's all the same. It goes by its age.
      if (error instanceof HoldfastError && error.code === 'corrupt') return 'unreadable' as const;
      throw error;
    });
    if (mark === 'unreadable') return `'${key}', which cannot be read`;
    if (mark === undefined) continue;
    const until = Date.parse(mark.until) + (mark.isReleased ? clockMarginMs : silenceMs);
    if (until >= since.getTime()) return mark.description;
  }
  return undefined;
}
