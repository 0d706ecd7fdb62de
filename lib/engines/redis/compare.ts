import * as z from 'zod';
import { transferSchema } from '../../config/targets/redis.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { StreamRecord } from '../../core/manifest.ts';
import type { Comparison, EngineContext } from '../engine.ts';
import { aclContent, currentUsers } from './acl.ts';
import { serverName } from './capture.ts';
import { compareContent, mapDatabases } from './compare-content.ts';
import { parseConnection } from './connection.ts';
import { aclFormat } from './formats/formats.ts';
import { typesAndKeys } from './keys/content-digest.ts';
import { keysDue } from './keys/expiries.ts';
import { readContent } from './read-content.ts';
import { withServer } from './server.ts';
import { readShards } from './source/shards.ts';

/** Facts that captures note and comparisons read. */
const factsSchema = z.object({
  expiries: z
    .record(
      z.string(),
      z.object({
        first: z.number(),
        last: z.number(),
        due: z.array(z.tuple([z.number(), z.number()])).optional(),
      }),
    )
    .default({}),
  slots: z.array(z.tuple([z.number(), z.number()])).optional(),
});

/** What a capture noted of a stream. */
export function factsOf(record: StreamRecord): z.infer<typeof factsSchema> {
  return factsSchema.parse(record.facts);
}

/**
 * Reads a live server once more and holds its keys against what the manifest says of the stream. `destination` is the stream's own name for
 * all databases under their own numbers, or the number of the one database that received the backup's only one.
 */
export async function compareStream(
  context: EngineContext,
  record: StreamRecord,
  destination: string,
): Promise<Comparison> {
  const connection = parseConnection(context.connection);
  const { transfer } = z.object({ transfer: transferSchema.default('auto') }).parse(context.options);
  return withServer(connection, context.signal, async (session, server) => {
    if (record.format === aclFormat) return compareUsers(record, await currentUsers(session));
    if (!record.content)
      throw new HoldfastError('comparison-failed', `stream '${record.name}' has no counts and digests to compare`);
    const shards = server.isCluster ? await readShards(session) : [];
    const now = Date.now();
    const { expiries, slots } = factsOf(record);
    const into = destinationOf(destination, record);
    // The copy's number is read as the backup's.
    const back = into && new Map([...into].map(([from, to]) => [to, from]));
    const actual = await readContent(connection, {
      server,
      shards,
      transfer,
      databases: back,
      slots,
      now,
      signal: context.signal,
      progress: (bytes) => context.progress({ phase: 'compare', bytes }),
    });
    const content = into
      ? mapDatabases(record.content, new Map([...into.keys()].map((from) => [from, from])))
      : record.content;
    // As of the end: keys went while others were read.
    const due = new Map(Object.entries(expiries).map(([name, one]) => [name, keysDue(one, Date.now())]));
    return compareContent({ content, due, hasLibraries: into === undefined }, actual);
  });
}

function compareUsers(record: StreamRecord, users: Buffer): Comparison {
  const [wanted, found] = [record.content?.definitions, aclContent(users).definitions];
  const same = wanted?.digest === found?.digest;
  const differences = same ? [] : ['the ACL users are others, or have other rules'];
  return { same, words: typesAndKeys, collectionsCompared: 0, itemsCompared: 0, differences, remarks: [] };
}

/** From which database of a backup to which of a server; undefined for all under their own numbers. Throws `usage`. */
export function destinationOf(
  destination: string,
  record: StreamRecord,
  chosen?: number,
): ReadonlyMap<number, number> | undefined {
  const databases = databasesOf(record);
  if (destination === record.name || destination === serverName) {
    return chosen === undefined ? undefined : new Map([[chosen, chosen]]);
  }
  if (!/^\d{1,6}$/.test(destination))
    throw new HoldfastError('usage', `'${destination}' is no database of a Redis server: those are numbers`, {
      hint: 'for example --as 3',
    });
  const [first = 0, ...others] = chosen === undefined ? databases : [chosen];
  if (others.length > 0)
    throw new HoldfastError(
      'usage',
      `the backup has ${databases.length} databases, and '${destination}' can be one of them`,
      {
        hint: `name one with --schema: ${databases.map((database) => `db${database}`).join(', ')}`,
      },
    );
  return new Map([[first, Number(destination)]]);
}

/** The databases in which a stream has keys. */
export function databasesOf({ content }: StreamRecord): readonly number[] {
  const numbers = (content?.tables ?? []).map(({ schema }) => Number(schema.slice(2)));
  return [...new Set(numbers)].sort((one, other) => one - other);
}
