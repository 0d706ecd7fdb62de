import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { Comparison, EngineContext, RestorePlan, RestoreResult } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import { withServer, withSession } from '../connection.ts';
import { countsOf } from '../count-elements.ts';
import { fromServerError } from '../errors.ts';
import type { FindTools, Neo4jTools } from '../tools.ts';
import { compareDump } from './compare-dump.ts';
import { loadDump } from './load-dump.ts';
import { ownSettings, type ServerFolders, serverFolders } from './server-folders.ts';
import { confirmSwap, databasesAside, removeStaged, stageName, swapBack, swapIn } from './swap-folders.ts';

type Planned = RestorePlan['streams'][number];

/** A database that was loaded and checked in a folder of its own, beside the server's. */
type Staged = { readonly planned: Planned; readonly database: string };

/**
 * Puts dumps back under a server on this machine.
 *
 * Invariant: the old database is whole until the new one has been loaded, checked by neo4j-admin's own consistency check and put in its place by
 * renames; `neo4j-admin database load --overwrite-destination` would delete the old one first. In order: each dump is written to a folder beside
 * the databases and proved whole, loaded there and checked while the server still runs; the server is stopped; the old folders are renamed
 * aside and the new ones into place; the server is started, and has to answer; the old ones are deleted. A crash before the renames leaves the
 * folder beside, which the next restore deletes; one from then on until the server has answered leaves the old databases aside, which the next
 * restore brings back first; one after that leaves them to be deleted.
 */
export async function restoreDump(
  context: EngineContext,
  plan: RestorePlan,
  findTools: FindTools,
): Promise<RestoreResult> {
  const folders = await serverFolders(ownSettings(context));
  const tools = await findTools(String(plan.source['serverVersion'] ?? plan.source['toolVersion'] ?? '5'));
  await removeStaged(folders);
  const left = await databasesAside(folders);
  if (left.length > 0) await whileStopped(context, () => swapBack(folders, left));
  const isRunning = await requireReplaceable(context, folders, plan);
  const staged: Staged[] = [];
  try {
    for (const planned of plan.streams) staged.push(await stage(context, planned, { folders, tools }));
    if (context.signal.aborted) throw stopReason(context.signal, 'the restore');
    if (plan.cutOver === false) return { restored: staged.map((one) => resultOf(one, rehearsed(one.planned))) };
    if (isRunning && context.service === undefined) throw needsStopping();
    const databases = staged.map(({ database }) => database);
    const stopped = await context.service?.stop(context.signal);
    const restored: RestoreResult['restored'][number][] = [];
    try {
      for (const database of databases) await swapIn(folders, database);
      await stopped?.start();
      for (const one of staged) {
        const isAsked = stopped !== undefined && stopped.wasStopped !== true;
        const comparison = isAsked
          ? await compareDump(context, one.planned.record, one.database)
          : rehearsed(one.planned);
        restored.push(resultOf(one, comparison));
      }
    } catch (error) {
      await goBack(context, folders, databases);
      throw error;
    }
    await confirmSwap(folders);
    return { restored };
  } finally {
    await removeStaged(folders);
  }
}

/** The new databases do not come up: the old ones are put back and the server is started with them. */
async function goBack(context: EngineContext, folders: ServerFolders, databases: readonly string[]): Promise<void> {
  // It may run with the new ones, or have failed to.
  const stopped = await context.service?.stop(new AbortController().signal);
  await swapBack(folders, databases);
  await stopped?.start();
}

async function whileStopped(context: EngineContext, work: () => Promise<void>): Promise<void> {
  const runs = await withServer(context, async () => true).catch(() => false);
  if (runs && context.service === undefined) throw needsStopping();
  const stopped = await context.service?.stop(context.signal);
  try {
    await work();
  } finally {
    await stopped?.start();
  }
}

const needsStopping = (): HoldfastError =>
  new HoldfastError('source-busy', 'the server runs, and a dump is put in place while it is stopped', {
    hint: "say in the target's setting 'service' how it is stopped and started, or stop it yourself",
  });

const resultOf = ({ planned, database }: Staged, comparison: Comparison): RestoreResult['restored'][number] => ({
  stream: planned.record.stream,
  database,
  comparison,
});

/** The archive is that of the manifest and the store that was loaded from it is consistent; nobody asked what it holds. */
function rehearsed({ record }: Planned): Comparison {
  const [archive] = record.content?.tables ?? [];
  return {
    same: true,
    words: { collection: 'archive', item: 'file' },
    collectionsCompared: 1,
    itemsCompared: archive?.rows ?? 0,
    differences: [],
    remarks: ['neo4j-admin loaded the dump and found it consistent; no server was asked what it holds'],
  };
}

/** Loads the dump beside the databases. Everything is deleted by whoever asked. */
async function stage(
  context: EngineContext,
  planned: Planned,
  { folders, tools }: { readonly folders: ServerFolders; readonly tools: Neo4jTools },
): Promise<Staged> {
  const database = planned.destination.toLowerCase();
  const folder = path.join(folders.data, stageName, database);
  const home = path.join(folder, 'home');
  await mkdir(path.join(home, 'conf'), { recursive: true, mode: 0o700 });
  const logs = path.join(folders.transactions, stageName, database);
  await writeFile(
    path.join(home, 'conf/neo4j.conf'),
    `server.directories.data=${home}\nserver.directories.transaction.logs.root=${logs}\n`,
  );
  await loadDump(context, planned, { tools, home, folder, database });
  return { planned, database };
}

/** A database that is not there holds nothing. */
function noneWhereMissing(error: unknown): { readonly nodes: number } {
  if (fromServerError(error, 'counting').code === 'database-missing') return { nodes: 0 };
  throw error;
}

/** Says whether the server runs. Rejects with `target-not-empty` when something is there that may not be replaced. */
async function requireReplaceable(context: EngineContext, folders: ServerFolders, plan: RestorePlan): Promise<boolean> {
  const names = plan.streams.map(({ destination }) => destination.toLowerCase());
  const taken = (error: string): HoldfastError =>
    new HoldfastError('target-not-empty', error, { hint: 'say --replace to put the copy in its place' });
  try {
    return await withServer(context, async (server) => {
      for (const database of plan.replace ? [] : names) {
        const { nodes } = await withSession(server, { database }, countsOf).catch(noneWhereMissing);
        if (nodes > 0) throw taken(`database '${database}' at '${server.address}' is not empty`);
      }
      return true;
    });
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'source-unreachable') throw error;
    const there = await readdir(path.join(folders.data, 'databases')).catch((): string[] => []);
    const found = names.find((name) => there.includes(name));
    if (found !== undefined && !plan.replace)
      throw taken(`database '${found}' is there, and its server does not run to say whether it is empty`);
    return false;
  }
}
