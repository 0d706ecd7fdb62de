import type { Manifest } from '../../../core/manifest.ts';
import { ancestorsOf } from '../../ancestors.ts';
import type { BackupReader, EngineContext, RestorePlan } from '../../engine.ts';
import type { ServerPrograms } from '../server-programs.ts';
import { clusterFactsOf } from './cluster-facts.ts';
import { combineChain } from './combine-chain.ts';
import type { DataFolder } from './data-folder.ts';
import { requireRoom } from './require-room.ts';
import type { Tablespace } from './tablespaces.ts';
import { archivesAmong, type ClusterArchives, oidOf, unpackCluster } from './unpack-cluster.ts';
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
  const [last] = chain.slice(-1);
  if (last === undefined) return;
  // A chain is unpacked beside what it is combined to.
  const combined = chain.length === 1 ? 0 : clusterFactsOf(last.cluster.record).sizeBytes;
  requireRoom(
    [
      { folder: into.data, bytes: combined + chain.reduce((sum, { cluster }) => sum + cluster.record.plainBytes, 0) },
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
  { places, programs }: { readonly places: BackupPlaces; readonly programs: () => ServerPrograms },
): Promise<Unpacked> {
  const [base, ...others] = chain;
  if (base === undefined || others.some((one) => !isWalRange(one)))
    return combineChain(context, chain, { places, programs: programs() });
  const into = {
    data: places.data,
    places: places.tablespaces.map((place) => ({ ...place, folder: place.folder.path })),
  };
  let total = await unpackCluster(context, base, into);
  // Its files of WAL go to where the base has its own: recovery applies them after those.
  for (const one of others) {
    const { files, bytes } = await unpackCluster(context, one, { ...into, places: [] });
    total = { files: total.files + files, bytes: total.bytes + bytes };
  }
  return total;
}

/** Is an incremental backup the WAL since the one before it, and not what changed in each file? */
const isWalRange = ({ cluster }: ClusterArchives): boolean => cluster.record.format === 'pg-wal';
