import { HoldfastError } from '../../../core/errors.ts';
import type { Comparison, EngineContext, RestorePlan } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import { inspectStream } from '../inspect.ts';
import { readContent } from '../read-content.ts';
import { withServer } from '../server.ts';
import { readShards, type Shard, shardConnection, slotCount, slotOf } from '../source/shards.ts';
import { type Lane, openLanes } from './lanes.ts';
import { restoreLibraries } from './libraries.ts';
import type { Loaded } from './load-keys.ts';
import { bytesOf, requireRoom } from './preflight.ts';
import { compareLoad, comparisonFailed, comparisonsOf, countedOnly, type RestoreWork, runLoad } from './run-load.ts';

/**
 * Restores into a cluster: each key to the primary that serves its slot, whichever shard it came from. A cluster has one database, so nothing can be
 * loaded aside. Into an empty cluster, a failure empties it again, and a crash leaves what was restored until then. `replace` reads the whole backup
 * to its last byte, and only then empties every shard: from there on there is no way back. With `onConflict`, a failure leaves what was restored
 * until then.
 */
export async function restoreIntoCluster(
  context: EngineContext,
  plan: RestorePlan,
  work: RestoreWork,
): Promise<readonly Comparison[]> {
  const { databases, server, connection } = work;
  if ([...databases.values()].some((database) => database !== 0))
    throw new HoldfastError('usage', 'a cluster has only database 0', {
      hint: 'choose one database of the backup with --schema, and say --as 0',
    });
  const shards = await readShards(work.session);
  const keys = await prepare(context, plan, work, shards);
  const isMerge = plan.onConflict !== undefined && !plan.replace;
  if (keys > 0 && (plan.cutOver === false || (!plan.replace && !isMerge)))
    throw new HoldfastError('target-not-empty', `the cluster has ${keys} keys`, {
      hint: 'restore into an empty one, say --replace, or say what becomes of keys that are there (--on-conflict skip)',
    });

  const opened = await Promise.all(
    shards.map((shard) => openLanes(shardConnection(connection, shard), { server, count: 1 })),
  );
  const lanes = opened.flatMap((one) => one.lanes);
  const empty = async (): Promise<void> => {
    await Promise.all(lanes.map((lane) => lane.quiet()));
    await emptyShards(work, shards);
  };
  try {
    if (plan.replace && keys > 0) {
      await proveWhole(context, work);
      await empty();
    }
    const options = {
      lanes,
      laneOf: bySlot(shards, lanes),
      databases,
      ...(isMerge && { onConflict: plan.onConflict }),
    };
    try {
      const loaded = await runLoad(context, work, options);
      const comparison = isMerge
        ? countedOnly(work, loaded, 'restored among other keys')
        : await compareCluster(context, plan, work, { shards, loaded });
      // What was merged stays, and is told to differ.
      if (!comparison.same && !isMerge) throw comparisonFailed('it was removed', comparison);
      if (plan.cutOver === false) await empty();
      else if (work.hasLibraries)
        await restoreLibraries(
          lanes.map(({ session }) => session),
          server,
          loaded.libraries,
          plan.replace ? 'replace' : (plan.onConflict ?? 'fail'),
        );
      return comparisonsOf(work, loaded, comparison);
    } catch (error) {
      if (!isMerge) await empty();
      throw error;
    }
  } finally {
    await Promise.all(opened.map((one) => one[Symbol.asyncDispose]()));
  }
}

/** What is about to replace the only copy there is has to be there, readable with this key, to the last byte. */
async function proveWhole(context: EngineContext, { streams }: RestoreWork): Promise<void> {
  for (const { record, open } of streams) {
    context.progress({ phase: 'inspect', detail: record.name });
    await inspectStream(record, open());
    if (context.signal.aborted) throw stopReason(context.signal, 'the restore');
  }
}

/** How many keys all shards have together, in all databases, since it is all of them that are emptied. Each has room for its part. */
async function prepare(
  context: EngineContext,
  { replace }: RestorePlan,
  { connection, streams }: RestoreWork,
  shards: readonly Shard[],
): Promise<number> {
  const bytes = bytesOf(streams.map(({ record }) => record));
  let keys = 0;
  for (const shard of shards)
    await withServer(shardConnection(connection, shard), context.signal, async (_session, server) => {
      // What is there is gone before.
      requireRoom(replace ? { ...server, usedMemory: 0 } : server, bytes * shareOf(shard));
      for (const count of server.keys.values()) keys += count;
    });
  return keys;
}

/** The part of all keys that are a shard's, as far as its slots tell. */
const shareOf = ({ slots }: Shard): number => slots.reduce((sum, [from, to]) => sum + to - from + 1, 0) / slotCount;

function bySlot(shards: readonly Shard[], lanes: readonly Lane[]): (key: Uint8Array) => Lane {
  const laneOfSlot = new Array<Lane>(slotCount);
  for (const [index, { slots }] of shards.entries())
    for (const [from, to] of slots) laneOfSlot.fill(lanes[index] as Lane, from, to + 1);
  return (key) => laneOfSlot[slotOf(key)] as Lane;
}

async function compareCluster(
  context: EngineContext,
  plan: RestorePlan,
  work: RestoreWork,
  { shards, loaded }: { readonly shards: readonly Shard[]; readonly loaded: Loaded },
): Promise<Comparison> {
  if (plan.comparison === 'loaded') return countedOnly(work, loaded);
  const [from = 0] = work.databases.keys();
  const actual = await readContent(work.connection, {
    server: work.server,
    shards,
    transfer: work.transfer,
    databases: new Map([[0, from]]),
    now: Date.now(),
    signal: context.signal,
    progress: (bytes) => context.progress({ phase: 'compare', bytes }),
  });
  return compareLoad(work, loaded, actual);
}

async function emptyShards({ connection }: RestoreWork, shards: readonly Shard[]): Promise<void> {
  for (const shard of shards)
    await withServer(shardConnection(connection, shard), undefined, (session) => session.ask(['FLUSHALL', 'ASYNC']));
}
