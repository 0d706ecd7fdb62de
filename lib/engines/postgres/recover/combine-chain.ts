import {
  chownSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HoldfastError } from '../../../core/errors.ts';
import type { ServerAccount } from '../../../servers/server-account.ts';
import type { EngineContext } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import type { ServerPrograms } from '../server-programs.ts';
import { controlFileAside } from './data-folder.ts';
import { runProgram } from './run-program.ts';
import { linkTablespaces } from './tablespaces.ts';
import type { BackupPlaces } from './unpack-backup.ts';
import { type Archive, type ClusterArchives, oidOf, placedIn, unpackCluster } from './unpack-cluster.ts';
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
  const combined = path.join(data.work, 'combined');
  const moved = tablespaces.map((place) => ({ ...place, combined: path.join(place.folder.work, 'combined') }));
  const total = await combineInto(context, chain, {
    ...{ programs, account: data.account, stage: path.join(data.work, 'chain'), output: combined },
    tablespaces: moved.map(({ oid, combined: folder }) => ({ oid, folder })),
    // Every object's own digest was proved while it was unpacked; the server syncs what it recovers.
    options: ['--no-manifest', ...(programs.major >= linksSince ? ['--link'] : [])],
  });
  renameSync(path.join(combined, 'global', 'pg_control'), path.join(data.path, controlFileAside));
  moveUp(combined, data.path);
  for (const place of moved) moveUp(place.combined, place.folder.path);
  // Node's rmSync lets a link be whose end is gone.
  for (const { oid } of tablespaces) unlinkSync(path.join(data.path, 'pg_tblspc', oid));
  linkTablespaces(data.path, tablespaces, data.account);
  rmSync(path.join(data.work, 'chain'), { recursive: true, force: true });
  return total;
}

export type CombineOptions = {
  readonly programs: ServerPrograms;
  /** Who owns what is made. @default - this process */
  readonly account: ServerAccount | undefined;
  /** Where the backups are unpacked. They stay, for the output may be links to them. */
  readonly stage: string;
  /** Where the combined data folder is made, and each tablespace. */
  readonly output: string;
  readonly tablespaces: readonly { readonly oid: string; readonly folder: string }[];
  /** Keeps what the servers say of their tablespaces, and their manifests, of which the program makes one of the output. @default false */
  readonly keepsRecords?: boolean;
  /** Of the program, beside those that say what goes where. */
  readonly options: readonly string[];
};

/** Unpacks the backups of a chain, each into a folder of its own, and combines them. Rejects with `tool-missing` or `restore-failed`. */
export async function combineInto(
  context: Context,
  chain: readonly ClusterArchives[],
  { programs, account, stage, output, tablespaces, keepsRecords = false, options }: CombineOptions,
): Promise<Unpacked> {
  const program = path.join(path.dirname(programs.postgres), 'pg_combinebackup');
  if (!existsSync(program))
    throw new HoldfastError('tool-missing', `pg_combinebackup of PostgreSQL ${programs.major} was not found`, {
      hint: `it comes with the server: install postgresql-${programs.major}, or set HOLDFAST_PG_BIN to the folder of its programs`,
    });
  const owned = (folder: string): string => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (account) chownSync(folder, account.uid, account.gid);
    return folder;
  };
  owned(stage);
  const inputs: string[] = [];
  let total: Unpacked = { files: 0, bytes: 0 };
  let linked: ReturnType<typeof placedIn> = [];
  for (const [index, archives] of chain.entries()) {
    const folder = owned(path.join(stage, String(index)));
    const input = owned(path.join(folder, 'data'));
    linked = placedIn(
      owned(path.join(folder, 'tablespaces')),
      archives.tablespaces.map((archive) => ({ oid: oidOf(archive) })),
    );
    for (const place of linked) owned(place.folder);
    const nameOf = keepsRecords ? (name: string) => name : nameInChain;
    const into = { data: { path: input, account }, places: linked, nameOf };
    const one = await unpackCluster(context, archives, into);
    total = { files: total.files + one.files, bytes: total.bytes + one.bytes };
    if (keepsRecords && archives.manifest) await writeManifest(archives.manifest, { folder: input, account });
    inputs.push(input);
  }
  context.progress({ phase: 'combine', detail: `${chain.length} backups` });
  const { code, stderr } = await runProgram({
    program,
    args: [
      ...inputs,
      ...['--output', output, '--no-sync'],
      ...options,
      ...tablespaces.flatMap(({ oid, folder }) => {
        const from = linked.find((place) => place.oid === oid)?.location;
        return from === undefined ? [] : [`--tablespace-mapping=${escaped(from)}=${escaped(folder)}`];
      }),
    ],
    account,
    signal: context.signal,
  });
  if (context.signal.aborted) throw stopReason(context.signal, 'the restore');
  if (code !== 0)
    throw new HoldfastError(
      'restore-failed',
      `pg_combinebackup refuses the chain: ${stderr.trim().split('\n').slice(-3).join('; ')}`,
    );
  return total;
}

async function writeManifest(
  manifest: Archive,
  { folder, account }: { readonly folder: string; readonly account: ServerAccount | undefined },
): Promise<void> {
  const file = path.join(folder, 'backup_manifest');
  await pipeline(manifest.open(), createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  if (account) chownSync(file, account.uid, account.gid);
}

/** As the program expects a backup: all that there is but what places tablespaces. */
const nameInChain = (name: string): string | undefined => (name === 'tablespace_map' ? undefined : name);

function moveUp(from: string, to: string): void {
  for (const name of readdirSync(from)) renameSync(path.join(from, name), path.join(to, name));
  rmSync(from, { recursive: true });
}

/** An equals sign parts the two places. */
const escaped = (folder: string): string => folder.replaceAll('=', '\\=');
