import { chownSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { EngineContext } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import type { ServerPrograms } from '../server-programs.ts';
import { controlFileAside, type DataFolder } from './data-folder.ts';
import { runProgram } from './run-program.ts';
import { linkTablespaces } from './tablespaces.ts';
import type { BackupPlaces } from './unpack-backup.ts';
import { type ClusterArchives, oidOf, placedIn, unpackCluster } from './unpack-cluster.ts';
import type { Unpacked } from './unpack-tar.ts';

type Context = Pick<EngineContext, 'progress' | 'signal' | 'parallelJobs'>;

/** Since this version the combined files are links to those of the backups where nothing in them changed. */
const linksSince = 18;

/**
 * Unpacks the backups of a chain side by side within the data folder, and has `pg_combinebackup` make of them what the newest one stands for. It
 * checks that they belong together: systems, timelines, where each begins. What was unpacked is removed.
 */
export async function combineChain(
  context: Context,
  chain: readonly ClusterArchives[],
  { places, programs }: { readonly places: BackupPlaces; readonly programs: ServerPrograms },
): Promise<Unpacked> {
  const { data, tablespaces } = places;
  const program = path.join(path.dirname(programs.postgres), 'pg_combinebackup');
  if (!existsSync(program))
    throw new HoldfastError('tool-missing', `pg_combinebackup of PostgreSQL ${programs.major} was not found`, {
      hint: `it comes with the server: install postgresql-${programs.major}, or set HOLDFAST_PG_BIN to the folder of its programs`,
    });
  const owned = (folder: string): string => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (data.account) chownSync(folder, data.account.uid, data.account.gid);
    return folder;
  };
  const stage = owned(path.join(data.work, 'chain'));
  const inputs: string[] = [];
  let total: Unpacked = { files: 0, bytes: 0 };
  let linked: ReturnType<typeof placedIn> = [];
  for (const [index, archives] of chain.entries()) {
    const folder = owned(path.join(stage, String(index)));
    const input: DataFolder = { ...data, path: owned(path.join(folder, 'data')) };
    linked = placedIn(
      owned(path.join(folder, 'tablespaces')),
      archives.tablespaces.map((archive) => ({ oid: oidOf(archive) })),
    );
    for (const place of linked) owned(place.folder);
    const one = await unpackCluster(context, archives, { data: input, places: linked, nameOf: nameInChain });
    total = { files: total.files + one.files, bytes: total.bytes + one.bytes };
    inputs.push(input.path);
  }

  const combined = path.join(data.work, 'combined');
  const moved = tablespaces.map((place) => ({ place, folder: path.join(place.folder.work, 'combined') }));
  context.progress({ phase: 'combine', detail: `${chain.length} backups` });
  const { code, stderr } = await runProgram({
    program,
    args: [
      ...inputs,
      '--output',
      combined,
      // Every object's own digest was proved while it was unpacked; the server syncs what it recovers.
      '--no-manifest',
      '--no-sync',
      ...(programs.major >= linksSince ? ['--link'] : []),
      ...moved.flatMap(({ place, folder }) => {
        const from = linked.find(({ oid }) => oid === place.oid)?.location;
        return from === undefined ? [] : [`--tablespace-mapping=${escaped(from)}=${escaped(folder)}`];
      }),
    ],
    account: data.account,
    signal: context.signal,
  });
  if (context.signal.aborted) throw stopReason(context.signal, 'the restore');
  if (code !== 0)
    throw new HoldfastError(
      'restore-failed',
      `pg_combinebackup refuses the chain: ${stderr.trim().split('\n').slice(-3).join('; ')}`,
    );

  renameSync(path.join(combined, 'global', 'pg_control'), path.join(data.path, controlFileAside));
  moveUp(combined, data.path);
  for (const { place, folder } of moved) moveUp(folder, place.folder.path);
  for (const { oid } of linked) unlinkSync(path.join(data.path, 'pg_tblspc', oid));
  linkTablespaces(data.path, tablespaces, data.account);
  rmSync(stage, { recursive: true, force: true });
  return total;
}

/** As the program expects a backup: all that there is but what places tablespaces. */
const nameInChain = (name: string): string | undefined => (name === 'tablespace_map' ? undefined : name);

function moveUp(from: string, to: string): void {
  for (const name of readdirSync(from)) renameSync(path.join(from, name), path.join(to, name));
  rmSync(from, { recursive: true });
}

/** An equals sign parts the two places. */
const escaped = (folder: string): string => folder.replaceAll('=', '\\=');
