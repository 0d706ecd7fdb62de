import { HoldfastError } from '../../core/errors.ts';
import type { Content, StreamRecord } from '../../core/manifest.ts';
import type { CaptureStream, EngineContext } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { type Server, withSession } from './connection.ts';
import { definitionStatements, readDefinitions } from './content/definitions.ts';
import { GraphDigest } from './content/graph-digest.ts';
import { readGraph } from './content/read-graph.ts';
import { countsOf } from './count-elements.ts';
import { translated } from './errors.ts';
import { holdsRestore } from './restore/restore-mark.ts';
import { ScriptWriter } from './script/script-writer.ts';

/** What a database held when it was looked at: two of the same show that nothing was committed in between. */
type Moment = {
  readonly at: string;
  readonly nodes: number;
  readonly relationships: number;
  readonly bookmark: string;
};

/** What is known of how consistent a script is. */
type Facts = StreamRecord['facts'];

/**
 * Reads a database as a Cypher script. Memory is bounded: the driver's records that are under way, the statements in the making, and 8 bytes a
 * node, of which all beyond 256 MiB are on disk.
 */
export async function exportDatabase(
  context: EngineContext,
  server: Server,
  database: string,
): ReturnType<CaptureStream['open']> {
  await requireNoRestore(server, database);
  let content: Content | undefined;
  let facts: Facts = {};
  async function* read(): AsyncGenerator<Uint8Array, void> {
    try {
      context.signal.throwIfAborted();
      const began = await momentOf(server, database);
      using digest = new GraphDigest(context.scratch);
      const writer = new ScriptWriter();
      writer.begin(database);
      const leftOut = yield* writeElements(context, server, database, { digest, writer });
      const definitions = await withSession(server, { database }, (session) => readDefinitions(session));
      const statements = definitionStatements(definitions);
      for (const statement of statements) digest.definition(statement);
      writer.define(statements);
      const ended = await momentOf(server, database);
      writer.end();
      const last = writer.take();
      if (last !== undefined) yield last;
      content = digest.content();
      facts = {
        ...consistencyOf(began, ended, leftOut),
        serverVersion: server.version,
        indexFaults: [...definitions.faults],
      };
    } catch (error) {
      if (context.signal.aborted) throw stopReason(context.signal, `the backup of database '${database}'`);
      throw translated(error, `reading database '${database}'`, 'dump-failed');
    }
  }
  return {
    bytes: read(),
    result: () => ({ content, facts, ...remarksOf(facts) }),
  };
}

/** Whoever reads no facts is told, too, that it may be of no single state. */
function remarksOf({ remark, relationshipsLeftOut }: Facts): { readonly remarks?: readonly string[] } {
  if (typeof remark !== 'string') return {};
  const leftOut = Number(relationshipsLeftOut);
  const ofNewNodes = `${leftOut} relationships of nodes that came while it was read are left out`;
  return { remarks: [remark, ...(leftOut > 0 ? [ofNewNodes] : [])] };
}

/** Small pieces cost whoever passes them on more than they hold. */
const chunkCharacters = 64 * 1024;

/** Gives how many relationships were left out because one of their ends came into being after the nodes had been read. */
async function* writeElements(
  context: EngineContext,
  server: Server,
  database: string,
  { digest, writer }: { readonly digest: GraphDigest; readonly writer: ScriptWriter },
): AsyncGenerator<Uint8Array, number> {
  let leftOut = 0;
  const session = server.driver.session({ database, defaultAccessMode: 'READ' });
  try {
    for await (const batch of readGraph(session, { dialect: server.dialect, signal: context.signal })) {
      for (const element of batch) {
        const { properties } = element;
        if (element.kind === 'node') {
          digest.node(element.id, element.labels, properties);
          writer.node(element.id, element.labels, properties);
        } else if (digest.relationship(element, element.type, properties))
          writer.relationship(element, element.type, properties);
        else leftOut += 1;
      }
      const ready = writer.take(chunkCharacters);
      if (ready !== undefined) yield ready;
    }
  } finally {
    await session.close();
  }
  return leftOut;
}

async function momentOf(server: Server, database: string): Promise<Moment> {
  return withSession(server, { database }, async (session) => {
    const clock = await session.run('RETURN toString(datetime.realtime())');
    const counts = await countsOf(session);
    const at = new Date(String(clock.records[0]?.get(0))).toISOString();
    return { at, ...counts, bookmark: session.lastBookmarks().join(' ') };
  });
}

/** A bookmark names the last transaction that was committed. */
function consistencyOf(began: Moment, ended: Moment, leftOut: number): Facts {
  const counts = {
    snapshotAt: began.at,
    nodesAtBegin: began.nodes,
    nodesAtEnd: ended.nodes,
    relationshipsAtBegin: began.relationships,
    relationshipsAtEnd: ended.relationships,
    relationshipsLeftOut: leftOut,
  };
  if (began.bookmark === ended.bookmark) return { consistency: 'one state', ...counts };
  return {
    consistency: 'each element as committed when it was read',
    remark:
      'transactions were committed while the database was read: each element is as it was at one moment or another, and what came with it in one transaction may be missing',
    ...counts,
  };
}

/** What a restore has left on nodes would be taken for theirs. */
async function requireNoRestore(server: Server, database: string): Promise<void> {
  await withSession(server, { database }, async (session) => {
    if (!(await holdsRestore(session))) return;
    throw new HoldfastError('source-busy', `database '${database}' holds a restore that has not ended`, {
      hint: "run 'holdfast restore' again: it goes on, or clears away what is left",
    });
  });
}
