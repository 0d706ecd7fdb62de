import { tablesAndRows } from '../../core/content-words.ts';
import type { Content, ContentEntry, StreamRecord } from '../../core/manifest.ts';
import { freeMemory } from '../../pipeline/free-memory.ts';
import type { Comparison, EngineContext } from '../engine.ts';
import type { FindTools } from './capture.ts';
import { type Connection, parseConnection } from './connection.ts';
import { factsOf } from './database-facts.ts';
import { dumpDatabase } from './dump-database.ts';
import { captureGlobals } from './dump-globals.ts';
import { dumpLimits } from './dump-limits.ts';
import { formatNamed, globalsFormat } from './formats/formats.ts';
import { newPacer } from './pace/pacer.ts';
import { propertyDifferences } from './properties.ts';
import { connectToServer, readServer, type Server } from './server.ts';
import { openSnapshot } from './snapshot.ts';
import type { ClientTools } from './tools.ts';

/** Holds a live database (or the live cluster's globals) against what the manifest says of the stream. Changes nothing. */
export async function compareStream(
  context: EngineContext,
  record: StreamRecord,
  database: string,
  findTools: FindTools,
): Promise<Comparison> {
  const connection = parseConnection(context.connection);
  const client = await connectToServer(connection);
  const server = await readServer(client).finally(() => client.end());
  const tools = await findTools(server.major);
  if (record.format === globalsFormat)
    return compareGlobals(context, record, { connection, database: client.database ?? '', tools, server });
  return compareDatabase(context, record, { connection, tools, server, database });
}

/**
 * Dumps the live database once more, with the same pinned settings, and compares counts and digests taken from that dump's bytes
 * with the manifest's. The rows of every table are compared always; definitions when both dumps are of one major version.
 */
export async function compareDatabase(
  context: EngineContext,
  record: StreamRecord,
  live: {
    readonly connection: Connection;
    readonly tools: ClientTools;
    readonly server: Server;
    readonly database: string;
  },
): Promise<Comparison> {
  const expected = factsOf(record);
  const snapshot = await openSnapshot(context, live.connection, live.database, {
    major: live.server.major,
    toolVersion: live.tools.version,
  });
  try {
    const dump = await dumpDatabase(asComparison(context), {
      ...live,
      snapshot,
      format: formatNamed(record.format),
      pacer: newPacer(dumpLimits(context).maxImpactPercent),
      lcMonetary: expected.lcMonetary,
    });
    for await (const chunk of dump.bytes) freeMemory(chunk);
    const comparison = compareContent(record.content, dump.result().content, {
      isSameMajor: expected.major === live.server.major,
      isTextKept: false,
    });
    const differences = [...propertyDifferences(expected, snapshot.facts), ...comparison.differences];
    return { ...comparison, differences, same: differences.length === 0 };
  } finally {
    await snapshot.end();
  }
}

/** The dump is how it compares, and nobody's business. */
const asComparison = (context: EngineContext): EngineContext => ({
  ...context,
  progress: (event) => context.progress({ ...event, phase: 'compare' }),
});

async function compareGlobals(
  context: EngineContext,
  record: StreamRecord,
  live: Parameters<typeof captureGlobals>[1],
): Promise<Comparison> {
  const dump = await captureGlobals(context, live).open();
  for await (const _ of dump.bytes);
  const isSameMajor = record.facts['major'] === live.server.major;
  return compareContent(record.content, dump.result().content, { isSameMajor, isTextKept: true });
}

/** Entries of a dump that every major version since 13 writes for the same objects; others were split, merged or renamed. */
const steadyKinds: ReadonlySet<string> = new Set([
  'AGGREGATE',
  'COLLATION',
  'DOMAIN',
  'EVENT TRIGGER',
  'EXTENSION',
  'FK CONSTRAINT',
  'FOREIGN TABLE',
  'FUNCTION',
  'INDEX',
  'MATERIALIZED VIEW',
  'OPERATOR',
  'POLICY',
  'PROCEDURE',
  'PUBLICATION',
  'RULE',
  'SEQUENCE',
  'SEQUENCE SET',
  'STATISTICS',
  'TABLE',
  'TRIGGER',
  'TYPE',
  'VIEW',
]);

type ComparedAs = {
  readonly isSameMajor: boolean;
  /** Are definitions of one major version printed the same after a reload? Those of a database are not: `x IN ('a')` may come back as `ANY`. */
  readonly isTextKept: boolean;
};

/** One sentence per difference between what a backup holds and what a live copy holds. */
function compareContent(expected: Content | undefined, actual: Content | undefined, options: ComparedAs): Comparison {
  if (!expected || !actual) {
    const differences = [`the ${expected ? 'live copy' : 'backup'} has no counts and digests to compare`];
    return { same: false, words: tablesAndRows, collectionsCompared: 0, itemsCompared: 0, differences, remarks: [] };
  }
  const definitions = compareDefinitions(expected, actual, options);
  const differences = [...tableDifferences(expected, actual), ...definitions.differences];
  return {
    same: differences.length === 0,
    words: tablesAndRows,
    proof: 'compared',
    collectionsCompared: expected.tables.length,
    itemsCompared: expected.tables.reduce((sum, { rows }) => sum + rows, 0),
    differences,
    remarks: definitions.remarks,
  };
}

function tableDifferences(expected: Content, actual: Content): string[] {
  const found = new Map(entriesOf(actual).map((entry) => [keyOf(entry), entry]));
  const differences = entriesOf(expected).flatMap((entry) => {
    const live = found.get(keyOf(entry));
    found.delete(keyOf(entry));
    const table = `table '${entry.schema}.${entry.name}'`;
    if (!live) return [`${table} is missing`];
    if (live.rows !== entry.rows) return [`${table} has ${live.rows} rows, in the backup ${entry.rows}`];
    return live.digest === entry.digest ? [] : [`${table} has other content in its ${entry.rows} rows`];
  });
  return [
    ...differences,
    ...[...found.values()].map(({ schema, name }) => `table '${schema}.${name}' is not in the backup`),
  ];
}

const entriesOf = (content: Content): readonly ContentEntry[] =>
  content.largeObjects ? [...content.tables, content.largeObjects] : content.tables;
const keyOf = ({ schema, name }: ContentEntry) => JSON.stringify([schema, name]);

function compareDefinitions(
  expected: Content,
  actual: Content,
  { isSameMajor, isTextKept }: ComparedAs,
): Pick<Comparison, 'differences' | 'remarks'> {
  const [before, now] = [expected.definitions, actual.definitions];
  if (!before || !now) return { differences: [], remarks: [] };
  const kinds = [...new Set([...Object.keys(before.counts), ...Object.keys(now.counts)])].sort();
  const differences = kinds
    .filter((kind) => isSameMajor || steadyKinds.has(kind))
    .filter((kind) => before.counts[kind] !== now.counts[kind])
    .map((kind) => `${now.counts[kind] ?? 0} definitions of kind ${kind}, in the backup ${before.counts[kind] ?? 0}`);
  if (!isSameMajor) return { differences, remarks: [byNumberOnly] };
  if (before.digest === now.digest || differences.length > 0) return { differences, remarks: [] };
  return isTextKept ? { differences: [otherText], remarks: [] } : { differences, remarks: [reprinted] };
}

const byNumberOnly =
  'definitions were compared by their numbers only, because the two servers are of different major versions';
const otherText = 'as many definitions of each kind, but the text of some differs';
const reprinted = `${otherText}: PostgreSQL prints some differently once they were reloaded, so this proves nothing`;
