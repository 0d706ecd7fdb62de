import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { EngineContext } from '../../engine.ts';
import { type BackupLabel, parseBackupLabel } from '../base/contents/backup-label.ts';
import { parseControlFile } from '../base/contents/control-file.ts';
import { formatLsn } from '../replication/lsn.ts';
import { controlFileAside, type DataFolder, unpackedName } from './data-folder.ts';
import type { Tablespace } from './tablespaces.ts';
import { type ClusterArchives, oidOf, unpackCluster } from './unpack-cluster.ts';
import type { Unpacked } from './unpack-tar.ts';

type Context = Pick<EngineContext, 'progress' | 'signal' | 'parallelJobs'>;
type Standing = BackupLabel & { readonly systemIdentifier: string };

/**
 * Makes of a chain of backups what the newest one stands for: the base is unpacked, and each of the others over it, the oldest first, so that a block
 * is written as often as it changed and nothing is written twice. Rejects with `restore-failed` where one does not build on the one before it.
 *
 * Invariant: what is in the folder is of use to nobody before all of the chain is: `pg_control` is aside, and the folder marked. A crash leaves
 * it so.
 */
export async function unpackChain(
  context: Context,
  chain: readonly ClusterArchives[],
  into: {
    readonly data: DataFolder;
    readonly places: readonly (Tablespace & { readonly folder: string })[];
  },
): Promise<Unpacked> {
  const { data } = into;
  let total: Unpacked = { files: 0, bytes: 0 };
  let before: Standing | undefined;
  for (const [index, archives] of chain.entries()) {
    const isLast = index === chain.length - 1;
    const wanted = isLast ? archives : withoutDropped(archives, into.places);
    const nameOf = isLast ? unpackedName : nameWithoutWal;
    const one = await unpackCluster(context, wanted, { ...into, nameOf, isOver: index > 0 });
    // Each holds every file that there is by then, or what has changed of it.
    total = { files: one.files, bytes: total.bytes + one.bytes };
    if (chain.length === 1) return total;
    const standing = standingOf(data);
    requireFollows(standing, before);
    before = standing;
  }
  completeLabel(data);
  return total;
}

/** Without the tablespaces that are there no more in the newest backup, whose places are the ones there are. */
const withoutDropped = (archives: ClusterArchives, places: readonly Tablespace[]): ClusterArchives => ({
  ...archives,
  tablespaces: archives.tablespaces.filter((archive) => places.some(({ oid }) => oid === oidOf(archive))),
});

/** Recovery begins with the WAL of the last one. */
const nameWithoutWal = (name: string): string | undefined =>
  /^pg_wal\/[^/]+$/.test(name) && name !== 'pg_wal/archive_status' && name !== 'pg_wal/summaries'
    ? undefined
    : unpackedName(name);

function standingOf({ path: folder }: DataFolder): Standing {
  const { systemIdentifier } = parseControlFile(readFileSync(path.join(folder, controlFileAside)));
  return { ...parseBackupLabel(readFileSync(labelOf(folder), 'utf8')), systemIdentifier };
}

/** What `pg_combinebackup` requires of a chain, too. */
function requireFollows(standing: Standing, before: Standing | undefined): void {
  const torn = (why: string): HoldfastError => new HoldfastError('restore-failed', `the chain is torn: ${why}`);
  const began = `the backup that began at ${formatLsn(standing.startLsn)}`;
  if (before !== undefined && standing.systemIdentifier !== before.systemIdentifier)
    throw torn(
      `${began} is of cluster ${standing.systemIdentifier}, and the one before it of ${before.systemIdentifier}`,
    );
  if (standing.parentStartLsn === before?.startLsn && standing.parentTimeline === before?.timeline) return;
  const wanted =
    standing.parentStartLsn === undefined
      ? 'builds on none'
      : `builds on one that began at ${formatLsn(standing.parentStartLsn)} on timeline ${standing.parentTimeline}`;
  const found =
    before === undefined
      ? 'there is none'
      : `the one before it began at ${formatLsn(before.startLsn)} on timeline ${before.timeline}`;
  throw torn(`${began} ${wanted}, and ${found}`);
}

/** A server refuses to start on what its label calls incremental. */
function completeLabel({ path: folder }: DataFolder): void {
  const lines = readFileSync(labelOf(folder), 'utf8').split('\n');
  writeFileSync(labelOf(folder), lines.filter((line) => !line.startsWith('INCREMENTAL FROM ')).join('\n'));
}

const labelOf = (folder: string): string => path.join(folder, 'backup_label');
