import { HoldfastError } from '../core/errors.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import { isWholeServer, type Manifest, parseManifest } from '../core/manifest.ts';
import { manifestKey, parseManifestKey, prefixes, targetPrefix } from '../core/object-keys.ts';
import { describePoint, isBefore, type RecoveryPoint } from '../core/recovery-point.ts';
import { isFolder } from '../core/selection.ts';
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
  wanted: {
    readonly backup: BackupId | 'latest';
    readonly target?: TargetName | undefined;
    /** With `latest`: the newest that a log goes on from, and from which the point can be reached. */
    readonly point?: RecoveryPoint | undefined;
    /** Where it goes: into a folder, `latest` is one that can, and no dump of databases. */
    readonly as?: string | undefined;
  },
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
    const manifest = await readNewest(store, found);
    if (manifest.status !== 'complete' || !bringsDataBack(manifest.method)) continue;
    if (isFolder(wanted.as) && manifest.streams.some(({ kind }) => kind === 'database')) continue;
    if (wanted.point === undefined || leadsTo(manifest, wanted.point)) return found;
  }
  if (wanted.point !== undefined)
    throw new HoldfastError(
      'point-unreachable',
      `no complete base backup of target '${wanted.target ?? ''}' in '${store.url}' ended before ${describePoint(wanted.point)}`,
      {
        hint: "'holdfast list' shows which backups there are; one of method 'base' and the log after it reach any point",
      },
    );
  const of = wanted.target === undefined ? '' : ` of target '${wanted.target}'`;
  throw new HoldfastError(
    'backup-unknown',
    wanted.backup === 'latest'
      ? `no complete backup${of} in '${store.url}'`
      : `no backup '${wanted.backup}'${of} in '${store.url}'`,
  );
}

/** Does a log go on from the backup, and is the point after its end? Of a name or a transaction nobody knows before. */
function leadsTo({ streams, endedAt }: Manifest, point: RecoveryPoint): boolean {
  const whole = streams.find(isWholeServer);
  if (whole === undefined) return false;
  // One that was made of earlier backups has the point that those had when they ended.
  const { consistentAt } = whole.facts;
  if (point.kind === 'time') return Date.parse(String(consistentAt ?? endedAt)) <= Date.parse(point.value);
  return point.kind !== 'lsn' || !isBefore(point.value, String(whole.facts['endLsn']));
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
