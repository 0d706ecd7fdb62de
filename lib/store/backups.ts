import { HoldfastError } from '../core/errors.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import { type Manifest, parseManifest } from '../core/manifest.ts';
import { manifestKey, parseManifestKey, prefixes, targetPrefix } from '../core/object-keys.ts';
import { bringsDataBack } from '../core/vocabulary.ts';
import type { Store } from './store.ts';
import { readText } from './text.ts';

/** The manifest as it stands, its seal not looked at. */
export async function readManifest(store: Store, target: TargetName, id: BackupId): Promise<Manifest> {
  const key = manifestKey(target, id);
  const text = await readText(store, key);
  if (text === undefined)
    throw new HoldfastError('backup-unknown', `no backup '${id}' of target '${target}' in '${store.url}'`);
  const manifest = parseManifest(text, key);
  if (manifest.target !== target || manifest.backupId !== id) {
    throw new HoldfastError('corrupt', `manifest '${key}' is that of '${manifest.target}/${manifest.backupId}'`);
  }
  return manifest;
}

/** Ids of the published backups of one target or of all, oldest first within a target. */
export async function* listBackups(
  store: Store,
  target?: TargetName,
): AsyncGenerator<{ readonly target: TargetName; readonly id: BackupId }> {
  for await (const { key } of store.list(target === undefined ? prefixes.backups : targetPrefix(target))) {
    const named = parseManifestKey(key);
    if (named) yield named;
  }
}

/**
 * The backup that `id` names, or for `latest` the newest complete one of `target` that brings the data back. Throws `backup-unknown`.
 */
export async function findBackup(
  store: Store,
  wanted: { readonly backup: BackupId | 'latest'; readonly target?: TargetName | undefined },
): Promise<{ readonly target: TargetName; readonly id: BackupId }> {
  const candidates: { target: TargetName; id: BackupId }[] = [];
  for await (const found of listBackups(store, wanted.target)) {
    if (wanted.backup === 'latest' || wanted.backup === found.id) candidates.push(found);
  }
  if (
    wanted.backup === 'latest' &&
    wanted.target === undefined &&
    new Set(candidates.map(({ target }) => target)).size > 1
  ) {
    throw new HoldfastError('usage', "'latest' of which target? the store holds backups of several");
  }
  for (const found of candidates.toReversed()) {
    if (wanted.backup !== 'latest') return found;
    const { status, method } = await readNewest(store, found);
    if (status === 'complete' && bringsDataBack(method)) return found;
  }
  const of = wanted.target === undefined ? '' : ` of target '${wanted.target}'`;
  throw new HoldfastError(
    'backup-unknown',
    wanted.backup === 'latest'
      ? `no complete backup${of} in '${store.url}'`
      : `no backup '${wanted.backup}'${of} in '${store.url}'`,
  );
}

/** Whether a manifest that cannot be read is the latest complete backup, nobody knows: an older one is taken by its name only. */
async function readNewest(
  store: Store,
  { target, id }: { readonly target: TargetName; readonly id: BackupId },
): Promise<Manifest> {
  try {
    return await readManifest(store, target, id);
  } catch (error) {
    if (!(error instanceof HoldfastError) || !['manifest-newer', 'manifest-unreadable'].includes(error.code))
      throw error;
    throw new HoldfastError(error.code, `the latest backup of '${target}' may be '${id}', but ${error.message}`, {
      hint: `${error.hint}; or name an older one: 'holdfast list --target ${target}' shows which can be read`,
      cause: error,
    });
  }
}
