import * as z from 'zod';
import { transferSchema } from '../../config/targets/redis.ts';
import { HoldfastError } from '../../core/errors.ts';
import { nothingCompared, withRemarks } from '../comparison.ts';
import type { Comparison, EngineContext, RestorePlan, RestoreResult } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { restoreUsers, usersIn } from './acl.ts';
import { databasesOf, destinationOf } from './compare.ts';
import { type Connection, parseConnection } from './connection.ts';
import { aclFormat } from './formats/formats.ts';
import { allOf } from './inspect.ts';
import { typesAndKeys } from './keys/content-digest.ts';
import { openSession } from './protocol/session.ts';
import { restoreIntoCluster } from './restore/restore-into-cluster.ts';
import { restoreIntoServer } from './restore/restore-into-server.ts';
import { withServer } from './server.ts';
import { readShards, shardConnection } from './source/shards.ts';

const optionsSchema = z.object({ transfer: transferSchema.default('auto'), acl: z.boolean().default(false) });

/** Streams of keys, and where the keys of each of their databases go. */
export type KeyRestore = {
  readonly streams: RestorePlan['streams'];
  readonly databases: ReadonlyMap<number, number>;
  /** Do functions come along? They belong to a server, so they do when the whole of it is restored. */
  readonly hasLibraries: boolean;
};

/**
 * Puts keys back, and ACL users where the receiving target says `acl: true`. What each way leaves behind when it fails is said where it is
 * gone: in restore-into-server.ts and restore-into-cluster.ts.
 */
export async function restoreStreams(context: EngineContext, plan: RestorePlan): Promise<RestoreResult> {
  const connection = parseConnection(context.connection);
  const { transfer, acl } = optionsSchema.parse(context.options);
  try {
    return await withServer(connection, context.signal, async (session, server) => {
      const users = plan.streams.filter(({ record }) => record.format === aclFormat);
      const work = keysOf(plan);
      const into = server.isCluster ? restoreIntoCluster : restoreIntoServer;
      const comparisons = await into(context, plan, { ...work, session, server, connection, transfer });
      const isAsked = acl && plan.cutOver !== false;
      const usersRemarks = await putUsersBack(context, users, {
        isAsked,
        places: server.isCluster
          ? (await readShards(session)).map((shard) => shardConnection(connection, shard))
          : [connection],
      });
      return {
        restored: [
          ...(isAsked ? users : []).map(({ record }) => ({
            stream: record.stream,
            database: '',
            comparison: nothingCompared(typesAndKeys, usersRemarks),
          })),
          ...work.streams.map(({ record, destination }, index) => ({
            stream: record.stream,
            database: destination,
            comparison: withRemarks(comparisons[index] as Comparison, isAsked || index > 0 ? [] : usersRemarks),
          })),
        ],
      };
    });
  } catch (error) {
    if (context.signal.aborted) throw stopReason(context.signal, 'the restore');
    throw error;
  }
}

function keysOf({ streams, selection }: RestorePlan): KeyRestore {
  const keys = streams.filter(({ record }) => record.format !== aclFormat);
  if (selection && (selection.tables.length > 0 || selection.paths.length > 0))
    throw new HoldfastError('usage', 'tables and paths are chosen, and a backup of Redis has neither', {
      hint: '--schema db0 chooses a database',
    });
  const chosen = (selection?.schemas ?? []).map((name) => {
    const number = /^(?:db)?(\d+)$/.exec(name)?.[1];
    if (number === undefined) throw new HoldfastError('usage', `'${name}' is no database: they are called db0, db1 …`);
    return Number(number);
  });
  if (chosen.length > 1) throw new HoldfastError('usage', 'one database can be chosen, or all of them');
  const mappings = keys.map(
    ({ record, destination }) =>
      destinationOf(destination, record, chosen[0]) ??
      new Map(databasesOf(record).map((database) => [database, database])),
  );
  return {
    streams: keys,
    databases: new Map(mappings.flatMap((mapping) => [...mapping])),
    hasLibraries:
      chosen.length === 0 && keys.every(({ record, destination }) => destinationOf(destination, record) === undefined),
  };
}

/** Users are a server's own: in a cluster each primary is given them. */
async function putUsersBack(
  { signal }: EngineContext,
  streams: RestorePlan['streams'],
  { isAsked, places }: { readonly isAsked: boolean; readonly places: readonly Connection[] },
): Promise<readonly string[]> {
  if (streams.length === 0) return [];
  if (!isAsked) return ["ACL users were not restored: that is done where the receiving target says 'acl: true'"];
  const left = new Set<string>();
  for (const { open } of streams) {
    const users = usersIn(await allOf(open()));
    for (const place of places) {
      await using session = await openSession(place, signal);
      for (const name of await restoreUsers(session, users)) left.add(name);
    }
  }
  return [
    ...[...left].map((name) => `user '${name}' was left as it is`),
    ...(places.length > 1 ? ['ACL users were made on every primary; replicas have users of their own'] : []),
    "ACL users are in the server's memory: ACL SAVE, or CONFIG REWRITE where there is no ACL file, makes them outlive a restart",
  ];
}
