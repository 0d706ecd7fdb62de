import type { Manifest } from '../../../core/manifest.ts';
import { ancestorsOf } from '../../ancestors.ts';
import type { BackupReader, EngineContext, RestorePlan } from '../../engine.ts';
import type { DataFolder } from './data-folder.ts';
import { requireRoom } from './require-room.ts';
import { linkTablespaces, type Tablespace } from './tablespaces.ts';
import { unpackChain } from './unpack-chain.ts';
import { archivedBytes, archivesAmong, type ClusterArchives, oidOf, unpackCluster } from './unpack-cluster.ts';
import type { Unpacked } from './unpack-tar.ts';

type Source = Pick<RestorePlan, 'reader'> & {
  readonly streams: readonly Pick<RestorePlan['streams'][number], 'record' | 'open'>[];
};

export type BackupPlaces = {
  readonly data: DataFolder;
  readonly tablespaces: readonly (Tablespace & { readonly folder: DataFolder })[];
};

/** The backups to unpack, the base first; of one that builds on none, itself alone. */
export async function chainOf({ reader, streams }: Source): Promise<readonly ClusterArchives[]> {
  const own = archivesAmong(streams, 'the backup');
  if (reader === undefined) return [own];
  const ancestors = await ancestorsOf(reader);
  return [...ancestors.toReversed().map((manifest) => archivesOf(reader, manifest)), own];
}

/** The bytes of all that the newest of them builds on. */
export const parentBytes = (chain: readonly ClusterArchives[]): number =>
  chain.slice(0, -1).reduce((sum, archives) => sum + archivedBytes(archives), 0);

function archivesOf(reader: BackupReader, manifest: Manifest): ClusterArchives {
  const streams = manifest.streams
    .filter(({ status }) => status === 'complete')
    .map((record) => ({ record, open: () => reader.read(manifest.backupId, record) }));
  return archivesAmong(streams, `backup '${manifest.backupId}'`);
}

/**
 * Throws when there is less room than the chain needs: `preflight-failed`, or what a restore test says. What the log will add to it nobody
 * knows before.
 */
export function requireRoomFor(
  chain: readonly ClusterArchives[],
  into: { readonly data: string; readonly tablespaces: readonly Tablespace[] },
  code: Parameters<typeof requireRoom>[1],
): void {
  requireRoom(
    [
      { folder: into.data, bytes: chain.reduce((sum, { cluster }) => sum + cluster.record.plainBytes, 0) },
      ...into.tablespaces.map(({ oid, location }) => ({
        folder: location,
        bytes: chain
          .flatMap(({ tablespaces }) => tablespaces.filter((archive) => oidOf(archive) === oid))
          .reduce((sum, { record }) => sum + record.plainBytes, 0),
      })),
    ],
    code,
  );
}

/** Fills the folders with what the backup, and those that it builds on, make together. `pg_control` is left aside. */
export async function unpackBackup(
  context: Pick<EngineContext, 'progress' | 'signal' | 'parallelJobs'>,
  chain: readonly ClusterArchives[],
  { data, tablespaces }: BackupPlaces,
): Promise<Unpacked> {
  const into = { data, places: tablespaces.map((place) => ({ ...place, folder: place.folder.path })) };
  const [base, ...others] = chain;
  const isByRange = base !== undefined && others.length > 0 && others.every(isWalRange);
  const unpacked = await (isByRange
    ? unpackRanges(context, [base, ...others], into)
    : unpackChain(context, chain, into));
  linkTablespaces(data.path, tablespaces, data.account);
  return unpacked;
}

/** The ranges' files of WAL go to where the base has its own: recovery applies them after those. */
async function unpackRanges(
  context: Parameters<typeof unpackCluster>[0],
  chain: readonly ClusterArchives[],
  into: Parameters<typeof unpackCluster>[2],
): Promise<Unpacked> {
  let total: Unpacked = { files: 0, bytes: 0 };
  for (const one of chain) {
    const { files, bytes } = await unpackCluster(context, one, into);
    total = { files: total.files + files, bytes: total.bytes + bytes };
  }
  return total;
}

/** Is an incremental backup the WAL since the one before it, and not what changed in each file? */
const isWalRange = ({ cluster }: ClusterArchives): boolean => cluster.record.format === 'pg-wal';
