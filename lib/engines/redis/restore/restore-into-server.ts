import { HoldfastError } from '../../../core/errors.ts';
import type { Comparison, EngineContext, RestorePlan } from '../../engine.ts';
import { openSession, type Session } from '../protocol/session.ts';
import { readContent } from '../read-content.ts';
import { asked, readServer } from '../server.ts';
import { openLanes } from './lanes.ts';
import { restoreLibraries } from './libraries.ts';
import type { Loaded } from './load-keys.ts';
import { bytesOf, requireRoom } from './preflight.ts';
import {
  compareLoad,
  comparisonFailed,
  comparisonsOf,
  countedOnly,
  emptyLoad,
  type RestoreWork,
  runLoad,
} from './run-load.ts';
import { spareDatabases } from './spare-databases.ts';
import { HalfSwapped, swapDatabases } from './swap-databases.ts';

/**
 * Restores into one server.
 *
 * Into databases that are empty, or that may be replaced: everything is loaded into spare databases, compared there, and then swapped with those that
 * were meant, each in one step. Before the swap a failure or a crash leaves the destination as it was, and after a crash the spare databases hold
 * keys that nobody asks for; after a failure they do where somebody else has written there, whose keys are not ours to remove. After the swap the spare database holds what was replaced, until it is emptied, which is the last step. Where no database
 * is spare, an empty destination is loaded directly, and emptied again when that fails.
 *
 * With `onConflict`: into the database as it is, key by key, after each key was looked for. A failure leaves what was restored until then.
 */
export async function restoreIntoServer(
  context: EngineContext,
  plan: RestorePlan,
  work: RestoreWork,
): Promise<readonly Comparison[]> {
  const { server, session, databases } = work;
  requireRoom(server, bytesOf(work.streams.map(({ record }) => record)));
  const destinations = [...new Set(databases.values())];
  if (destinations.length < databases.size)
    throw new HoldfastError('usage', 'two databases cannot be restored into one');
  await requireDatabases(session, destinations);
  const isRehearsal = plan.cutOver === false;
  const isMerge = plan.onConflict !== undefined && !plan.replace && !isRehearsal;
  const occupied = destinations.filter((database) => server.keys.has(database));
  if (occupied.length > 0 && !plan.replace && !isMerge && !isRehearsal)
    throw new HoldfastError('target-not-empty', `database ${occupied.join(', ')} has ${keysIn(work, occupied)} keys`, {
      hint: 'restore into an empty one (--as 3), say --replace, or say what becomes of keys that are there (--on-conflict skip)',
    });
  await using opened = await openLanes(work.connection, {
    server,
    count: context.parallelJobs,
  });
  const { lanes } = opened;
  let turn = 0;
  // By turns: which lane makes a key does not matter.
  const laneOf = () => lanes[turn++ % lanes.length] as (typeof lanes)[number];

  if (isMerge) {
    const loaded = await runLoad(context, work, { lanes, laneOf, databases, onConflict: plan.onConflict });
    const left = work.hasLibraries
      ? await restoreLibraries([session], server, loaded.libraries, plan.onConflict ?? 'fail')
      : [];
    const comparison = countedOnly(work, loaded, 'restored among other keys');
    return comparisonsOf(
      work,
      loaded,
      comparison,
      left.map((name) => `function library '${name}' was left as it is`),
    );
  }

  const spares = await spareDatabases(session, server, destinations);
  if (!spares && (occupied.length > 0 || isRehearsal))
    throw new HoldfastError(
      'preflight-failed',
      'the server has no empty database to restore into before the old one is replaced',
      {
        hint: "raise its 'databases' setting, empty the destination yourself, or say --on-conflict replace",
      },
    );
  const stage = new Map([...databases].map(([from, to]) => [from, spares?.get(to) ?? to]));
  const loaded = emptyLoad();
  const empty = async (cause?: unknown): Promise<void> => {
    await Promise.all(lanes.map((lane) => lane.quiet()));
    await requireOurs(work, [...stage.values()], { most: loaded.keys, cause });
    await emptyDatabases(work, [...stage.values()]);
  };
  let comparison: Comparison;
  try {
    await runLoad(context, work, { lanes, laneOf, databases: stage, loaded });
    comparison = await compareStage(context, plan, work, { stage, loaded });
  } catch (error) {
    await empty(error);
    throw error;
  }
  if (!comparison.same) {
    if (!spares) await empty();
    const kept = [...stage.values()].join(', ');
    throw comparisonFailed(
      spares ? `it was kept in database ${kept}: look at it, and empty it with FLUSHDB` : 'it was removed',
      comparison,
    );
  }
  if (isRehearsal) {
    await empty();
    return comparisonsOf(work, loaded, comparison, [rehearsed]);
  }
  context.progress({ phase: 'swap' });
  const remarks = await cutOver(context, plan, work, { stage, loaded, empty });
  return comparisonsOf(work, loaded, comparison, remarks);
}

const rehearsed =
  "a rehearsal (recovery.mode is 'test'): the copy was dropped after the comparison, and nothing was replaced";

async function compareStage(
  context: EngineContext,
  plan: RestorePlan,
  work: RestoreWork,
  { stage, loaded }: { readonly stage: ReadonlyMap<number, number>; readonly loaded: Loaded },
): Promise<Comparison> {
  if (plan.comparison === 'loaded') return countedOnly(work, loaded);
  const actual = await readContent(work.connection, {
    server: { ...work.server, keys: new Map([...stage.values()].map((database) => [database, 1])) },
    shards: [],
    transfer: work.transfer,
    databases: new Map([...stage].map(([from, to]) => [to, from])),
    now: Date.now(),
    signal: context.signal,
    progress: (bytes) => context.progress({ phase: 'compare', bytes }),
  });
  return compareLoad(work, loaded, actual);
}

async function cutOver(
  context: EngineContext,
  plan: RestorePlan,
  work: RestoreWork,
  {
    stage,
    loaded,
    empty,
  }: {
    readonly stage: ReadonlyMap<number, number>;
    readonly loaded: Loaded;
    readonly empty: (cause?: unknown) => Promise<void>;
  },
): Promise<readonly string[]> {
  const { session, server, databases } = work;
  try {
    context.signal.throwIfAborted();
    if (work.hasLibraries)
      await restoreLibraries([session], server, loaded.libraries, plan.replace ? 'replace' : 'fail');
    const pairs = [...databases]
      .map(([from, to]) => [stage.get(from) ?? to, to] as const)
      .filter(([one, other]) => one !== other);
    if (!plan.replace) for (const [, to] of pairs) await requireStillEmpty(session, to);
    if (pairs.length > 0) await swapDatabases(session, pairs);
  } catch (error) {
    // What is in the spare databases then may be what was there before.
    if (!(error instanceof HalfSwapped)) await empty(error);
    throw error;
  }
  const replaced = [...databases.values()].filter((database) => server.keys.has(database));
  const old = [...databases].flatMap(([from, to]) => (replaced.includes(to) ? [stage.get(from) ?? to] : []));
  const left = work.hasLibraries && plan.replace ? otherDatabases(work, stage) : [];
  const remarks =
    left.length > 0
      ? [
          `database ${left.join(', ')} is not in the backup, and was left as it is: a comparison of the whole server names it`,
        ]
      : [];
  if (old.length === 0) return remarks;
  await emptyDatabases(work, old);
  return [`${keysIn(work, replaced)} keys of before were removed when the copy was in place`, ...remarks];
}

/** Databases that had keys and are none of the backup's. */
const otherDatabases = ({ server, databases }: RestoreWork, stage: ReadonlyMap<number, number>): readonly number[] => {
  const ours = new Set([...databases.values(), ...stage.values()]);
  return [...server.keys.keys()].filter((database) => !ours.has(database)).sort((one, other) => one - other);
};

/** The databases were empty, and may be emptied again if nobody else wrote to them. Keys of ours that have run out hide as many of others. */
async function requireOurs(
  { connection }: RestoreWork,
  databases: readonly number[],
  { most, cause }: { readonly most: number; readonly cause: unknown },
): Promise<void> {
  await using session = await openSession(connection);
  const { keys } = await readServer(session);
  const found = databases.reduce((sum, database) => sum + (keys.get(database) ?? 0), 0);
  if (found <= most) return;
  const names = databases.join(', ');
  throw new HoldfastError(
    'restore-failed',
    `the restore failed, and database ${names} has ${found} keys, of which it made at most ${most}: nothing there was removed`,
    { cause, hint: `somebody wrote to database ${names} meanwhile: keep what is his, and empty it with FLUSHDB` },
  );
}

/** Before anything is loaded: a swap with a database that is not there would be refused at the very end. */
async function requireDatabases(session: Session, databases: readonly number[]): Promise<void> {
  for (const database of databases) {
    const answer = await session.ask(['SELECT', database]).catch((error: unknown) => error);
    if (!(answer instanceof Error)) continue;
    if (!/out of range/i.test(answer.message)) throw answer;
    throw new HoldfastError('preflight-failed', `the server has no database ${database}: ${answer.message}`, {
      cause: answer,
      hint: "raise its 'databases' setting, or restore one database of the backup under another number (--schema db0 --as 3)",
    });
  }
}

/** It was when the restore began, and nobody said that what is there may go. */
async function requireStillEmpty(session: Session, database: number): Promise<void> {
  await asked(session, ['SELECT', database], 'the swap');
  const keys = Number(await asked(session, ['DBSIZE'], 'the swap'));
  if (keys === 0) return;
  throw new HoldfastError(
    'target-not-empty',
    `somebody wrote ${keys} keys to database ${database} while it was restored`,
    {
      hint: 'keep clients away while a restore runs, or say --replace; what was written is there, and the copy was removed',
    },
  );
}

async function emptyDatabases({ connection }: RestoreWork, databases: readonly number[]): Promise<void> {
  // On a session of its own: the restore's may be broken, or full of what was not sent.
  await using session = await openSession(connection);
  for (const database of databases) {
    await session.ask(['SELECT', database]);
    await session.ask(['FLUSHDB', 'ASYNC']);
  }
}

const keysIn = ({ server }: RestoreWork, databases: readonly number[]): number =>
  databases.reduce((sum, database) => sum + (server.keys.get(database) ?? 0), 0);
