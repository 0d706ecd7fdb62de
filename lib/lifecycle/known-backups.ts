import pLimit from 'p-limit';
import type { CatalogClient } from '../catalog/client.ts';
import { HoldfastError } from '../core/errors.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import type { RestoreTestEnded } from '../core/journal.ts';
import { prefixes } from '../core/object-keys.ts';
import { restorablePointOf } from '../core/restorable-point.ts';
import { type KnownBackup, type KnownRestoreTest, restoreTestFacts } from '../core/restorable-points.ts';
import { bringsDataBack } from '../core/vocabulary.ts';
import { listBackups, readManifest } from '../store/backups.ts';
import { readEvent } from '../store/journal.ts';
import type { Store } from '../store/store.ts';
import { buildsOnBad, readVerification } from '../store/verification.ts';

/** What restorable points are made of: backups of each target, and the last restore test of each that came to an end. */
export type Known = {
  readonly source: 'catalog' | 'store';
  readonly backups: readonly (KnownBackup & { readonly target: TargetName })[];
  readonly restoreTests: readonly (KnownRestoreTest & { readonly target: TargetName })[];
};

type Places = {
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly warn: (message: string) => void;
};
type Wanted = {
  readonly targets: readonly TargetName[];
  /** The newest so many of each target that are not known to be bad; the newest verified one comes with them, however old it is. */
  readonly perTarget: number;
};

/** Asks the catalog, which has it all in one place, and the store where there is no catalog or it is away. */
export async function knownBackups({ store, catalog, warn }: Places, wanted: Wanted): Promise<Known> {
  if (catalog !== undefined) {
    try {
      return { source: 'catalog', ...(await catalog.knownBackups(wanted.targets, wanted.perTarget)) };
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'catalog-unavailable') throw error;
      warn(`the catalog gives no answer, so the store is read: ${error.message}`);
    }
  }
  const backups: Known['backups'][number][] = [];
  for (const target of wanted.targets)
    backups.push(...(await backupsInStore({ store, warn }, target, wanted.perTarget)));
  return { source: 'store', backups, restoreTests: await lastRestoreTests({ store, warn }, wanted.targets) };
}

/** Objects read at a time. */
const atATime = 16;

async function backupsInStore(
  places: Pick<Places, 'store' | 'warn'>,
  target: TargetName,
  perTarget: number,
): Promise<Known['backups']> {
  const ids = (await Array.fromAsync(listBackups(places.store, target))).map(({ id }) => id).toReversed();
  const limit = pLimit(atATime);
  const found: Known['backups'][number][] = [];
  for (let from = 0; from < ids.length; from += atATime) {
    const batch = ids.slice(from, from + atATime).map((id) => limit(() => readBackup(places, target, id)));
    found.push(...(await Promise.all(batch)).flat());
    const good = found.filter(({ verification }) => verification !== 'FAILED').length;
    if (good >= perTarget && found.some(({ verification }) => verification === 'VERIFIED')) break;
  }
  return found;
}

/** One that cannot be read is passed over with a word: it brings nothing back, and keeps no other out of sight. */
async function readBackup(
  { store, warn }: Pick<Places, 'store' | 'warn'>,
  target: TargetName,
  id: BackupId,
): Promise<Known['backups']> {
  try {
    const manifest = await readManifest(store, target, id);
    if (manifest.status !== 'complete' || !bringsDataBack(manifest.method)) return [];
    const { status, restoredPoint: verifiedPoint } = await readVerification(store, id);
    const verification = (await buildsOnBad(store, manifest)) ? 'FAILED' : status;
    const restorablePoint = restorablePointOf(manifest);
    return [
      {
        ...{ target, backupId: id, endedAt: manifest.endedAt, restorablePoint, verification },
        ...(verifiedPoint !== undefined && { verifiedPoint }),
      },
    ];
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.retryable) throw error;
    warn(`[${error.code}] ${error.message}`);
    return [];
  }
}

async function lastRestoreTests(
  { store, warn }: Pick<Places, 'store' | 'warn'>,
  targets: readonly TargetName[],
): Promise<Known['restoreTests']> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefixes.journal))
    if (key.includes('/030-restore-test-ended-')) keys.push(key);
  const found = new Map<TargetName, Known['restoreTests'][number]>();
  for (const key of keys.toReversed()) {
    if (targets.every((target) => found.has(target))) break;
    try {
      const event = (await readEvent(store, key)) as RestoreTestEnded;
      if (targets.includes(event.target) && !found.has(event.target))
        found.set(event.target, { target: event.target, ...restoreTestFacts(event) });
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.retryable) throw error;
      warn(`[${error.code}] ${error.message}`);
    }
  }
  return [...found.values()];
}
