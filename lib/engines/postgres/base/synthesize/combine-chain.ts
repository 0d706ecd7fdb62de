import { chownSync, createWriteStream, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HoldfastError } from '../../../../core/errors.ts';
import type { ServerAccount } from '../../../../servers/server-account.ts';
import type { EngineContext } from '../../../engine.ts';
import { stopReason } from '../../../stop-reason.ts';
import { runProgram } from '../../recover/run-program.ts';
import { linkTablespaces } from '../../recover/tablespaces.ts';
import { type Archive, type ClusterArchives, oidOf, placedIn, unpackCluster } from '../../recover/unpack-cluster.ts';
import type { ServerPrograms } from '../../server-programs.ts';

type Context = Pick<EngineContext, 'progress' | 'signal' | 'parallelJobs'>;

export type CombineOptions = {
  readonly programs: ServerPrograms;
  /** Who owns what is made. @default - this process */
  readonly account: ServerAccount | undefined;
  /** Where the backups are unpacked. */
  readonly stage: string;
  /** Where the combined data folder is made, and each tablespace. */
  readonly output: string;
  readonly tablespaces: readonly { readonly oid: string; readonly folder: string }[];
};

/**
 * Unpacks the backups of a chain, each into a folder of its own, and has `pg_combinebackup` make of them what the newest one stands for, with a
 * manifest of its own. It checks that they belong together: systems, timelines, where each begins. Rejects with `tool-missing` or `restore-failed`.
 */
export async function combineChain(
  context: Context,
  chain: readonly ClusterArchives[],
  { programs, account, stage, output, tablespaces }: CombineOptions,
): Promise<void> {
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
  let linked: ReturnType<typeof placedIn> = [];
  for (const [index, archives] of chain.entries()) {
    const folder = owned(path.join(stage, String(index)));
    const input = owned(path.join(folder, 'data'));
    linked = placedIn(
      owned(path.join(folder, 'tablespaces')),
      archives.tablespaces.map((archive) => ({ oid: oidOf(archive) })),
    );
    for (const place of linked) owned(place.folder);
    const data = { path: input, account };
    await unpackCluster(context, archives, { data, places: linked, nameOf: (name) => name });
    linkTablespaces(input, linked, account);
    if (archives.manifest) await writeManifest(archives.manifest, data);
    inputs.push(input);
  }
  context.progress({ phase: 'combine', detail: `${chain.length} backups` });
  const { code, stderr } = await runProgram({
    program,
    args: [
      ...inputs,
      ...['--output', output, '--no-sync', '--manifest-checksums=SHA256'],
      ...tablespaces.flatMap(({ oid, folder }) => {
        const from = linked.find((place) => place.oid === oid)?.location;
        return from === undefined ? [] : [`--tablespace-mapping=${escaped(from)}=${escaped(folder)}`];
      }),
    ],
    account,
    signal: context.signal,
  });
  if (context.signal.aborted) throw stopReason(context.signal, 'the synthesis');
  if (code !== 0)
    throw new HoldfastError(
      'restore-failed',
      `pg_combinebackup refuses the chain: ${stderr.trim().split('\n').slice(-3).join('; ')}`,
    );
}

async function writeManifest(
  manifest: Archive,
  { path: folder, account }: { readonly path: string; readonly account: ServerAccount | undefined },
): Promise<void> {
  const file = path.join(folder, 'backup_manifest');
  await pipeline(manifest.open(), createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  if (account) chownSync(file, account.uid, account.gid);
}

/** An equals sign parts the two places. */
const escaped = (folder: string): string => folder.replaceAll('=', '\\=');
