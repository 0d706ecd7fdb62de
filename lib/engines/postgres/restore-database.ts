import { type Client, escapeIdentifier } from 'pg';
import { tablesAndRows } from '../../core/content-words.ts';
import { HoldfastError } from '../../core/errors.ts';
import { firstFew } from '../../core/first-few.ts';
import type { StreamRecord } from '../../core/manifest.ts';
import type { Selection } from '../../core/selection.ts';
import { withRemarks } from '../comparison.ts';
import type { Comparison, EngineContext } from '../engine.ts';
import type { TocEntry } from './archive/read-toc.ts';
import { compareDatabase } from './compare.ts';
import { compareLoaded, compareTables } from './compare-tables.ts';
import { type Connection, connect } from './connection.ts';
import { type DatabaseFacts, factsOf } from './database-facts.ts';
import { fromServerError } from './errors.ts';
import { formatNamed } from './formats/formats.ts';
import { loadArchive } from './load/load-archive.ts';
import type { LoadedTable } from './load/load-rows.ts';
import { loadStream } from './load/load-stream.ts';
import { rowSettings } from './load/session-settings.ts';
import { applyProperties, createDatabaseStatement } from './properties.ts';
import { nameOfEntry } from './select/missing-entries.ts';
import { planSelection } from './select/plan-selection.ts';
import type { Server } from './server.ts';
import type { ClientTools } from './tools.ts';
import { markStatement } from './work-databases.ts';

/** What every step of a restore needs to know of the destination server. `admin` is a session outside the databases worked on. */
export type Destination = {
  readonly admin: Client;
  readonly connection: Connection;
  readonly server: Server;
  readonly tools: ClientTools;
};

/**
 * Restores one stream into a new database called `name`, with the source's properties, and compares it.
 *
 * Invariant: nothing but the database `name` is touched. A crash after any step leaves that one, marked (or empty and not yet marked), for the
 * next run to drop.
 */
export async function restoreDatabase(
  context: EngineContext,
  destination: Destination,
  options: {
    readonly name: string;
    readonly destination: string;
    readonly record: StreamRecord;
    readonly bytes: AsyncIterable<Uint8Array>;
    /** Whether every row is read back for the comparison, or what was loaded is held against the manifest where that is known. */
    readonly isReadBack: boolean;
    /** Only these parts; the database's own settings and privileges then stay behind. @default - the whole */
    readonly selection?: Selection;
  },
): Promise<Comparison> {
  const { name, record, selection } = options;
  const facts = factsOf(record);
  const { admin, connection, server } = destination;
  context.progress({ phase: 'create', detail: options.destination });
  await createDatabase(admin, name, facts, server);
  await admin.query(markStatement(name, { state: 'restoring', destination: options.destination }));
  await emptyTemplate(connection, name, facts);

  context.progress({ phase: 'restore', detail: options.destination, bytes: 0, expectedBytes: record.plainBytes });
  const filled = await fill(context, destination, { ...options, facts });
  if (!selection)
    await applyProperties(admin, name, facts).catch((error) => {
      throw fromServerError(error, `giving database '${options.destination}' its properties`, 'restore-failed');
    });

  context.progress({ phase: 'compare', detail: options.destination });
  // People know the database by the name that it will have.
  const progress: EngineContext['progress'] = (event) => context.progress({ ...event, detail: options.destination });
  const compareWhole = () => compareDatabase({ ...context, progress }, record, { ...destination, database: name });
  // Definitions alone are soon read back, and nothing else is there to compare.
  const hasTables = (record.content?.tables.length ?? 0) > 0;
  const comparison = selection
    ? await comparePart(destination, name, record, filled)
    : filled.isDigested && hasTables && !options.isReadBack
      ? compareLoaded(filled.loaded, record.content)
      : await compareWhole();
  if (!comparison.same) return comparison;
  const remark = await analyze(connection, name);
  return remark === undefined ? comparison : withRemarks(comparison, [remark]);
}

async function comparePart(
  { connection }: Destination,
  name: string,
  record: StreamRecord,
  { loaded, remarks }: Filled,
): Promise<Comparison> {
  const { lcMonetary } = factsOf(record);
  const client = await connect(connection, name, {
    settings: { ...rowSettings, ...(lcMonetary === null ? {} : { lc_monetary: lcMonetary }) },
  });
  try {
    const tables = loaded.map(({ entry }) => entry);
    const compared = await compareTables(client, tables, record.content);
    return { ...compared, words: tablesAndRows, same: compared.differences.length === 0, remarks };
  } finally {
    await client.end();
  }
}

async function createDatabase(admin: Client, name: string, facts: DatabaseFacts, server: Server): Promise<void> {
  try {
    await admin.query(createDatabaseStatement(name, facts, server.major));
  } catch (error) {
    const locale = `encoding ${facts.encoding}, collation '${facts.collate}', locale '${facts.locale ?? facts.ctype}'`;
    throw fromServerError(error, `creating a database with ${locale} and owner '${facts.owner}'`, 'preflight-failed');
  }
}

/** A new database has the schema public and the language plpgsql; the source may have dropped them. */
async function emptyTemplate(connection: Connection, name: string, facts: DatabaseFacts): Promise<void> {
  const hasLanguage = facts.extensions.some((extension) => extension.name === 'plpgsql');
  if (facts.hasPublicSchema && hasLanguage) return;
  const client = await connect(connection, name);
  try {
    if (!facts.hasPublicSchema) await client.query('drop schema public');
    if (!hasLanguage) await client.query('drop extension plpgsql');
  } finally {
    await client.end();
  }
}

const progressStepBytes = 16 * 1024 * 1024;

type Filled = {
  readonly loaded: readonly LoadedTable[];
  /** Whether `loaded` says what every table was given. */
  readonly isDigested: boolean;
  readonly remarks: readonly string[];
};

/** Puts the stream back by the tool of its format, over several sessions where the format allows it. */
async function fill(
  context: EngineContext,
  { connection, tools }: Destination,
  options: Parameters<typeof restoreDatabase>[2] & { readonly facts: DatabaseFacts },
): Promise<Filled> {
  const { name, record, facts, selection } = options;
  const load = {
    ...{ connection, tools, database: name, bytes: options.bytes, lcMonetary: facts.lcMonetary },
    doing: `the restore of database '${options.destination}'`,
    onBytes: progressOf(context, options),
  };
  const { restoredBy } = formatNamed(record.format);
  // Names in another encoding could not be put into a command of ours; pg_restore hands them on as they are.
  if (restoredBy === 'psql' || facts.encoding !== 'UTF8') {
    await loadStream(context, { ...load, restoredBy });
    return { loaded: [], isDigested: false, remarks: [] };
  }
  const remarks: string[] = [];
  const choose = async (entries: readonly TocEntry[], wanted: Selection) => {
    const plan = await planned(connection, name, entries, wanted);
    if (plan.alongside.length > 0) remarks.push(`brought along ${firstFew(plan.alongside.map(nameOfEntry))}`);
    return ({ dumpId }: TocEntry) => plan.selected.has(dumpId);
  };
  const loaded = await loadArchive(context, {
    ...load,
    detail: options.destination,
    jobs: context.parallelJobs,
    ...(selection && { choose: (entries) => choose(entries, selection) }),
  });
  return { loaded, isDigested: true, remarks };
}

async function planned(connection: Connection, name: string, entries: readonly TocEntry[], selection: Selection) {
  const client = await connect(connection, name);
  try {
    return await planSelection(client, entries, selection);
  } finally {
    await client.end();
  }
}

function progressOf(
  context: EngineContext,
  { destination, record }: { readonly destination: string; readonly record: StreamRecord },
): (seenBytes: number) => void {
  let reportedBytes = 0;
  return (seenBytes) => {
    if (seenBytes - reportedBytes < progressStepBytes) return;
    reportedBytes = seenBytes;
    context.progress({ phase: 'restore', detail: destination, bytes: seenBytes, expectedBytes: record.plainBytes });
  };
}

/** Fresh statistics, without which the first queries after the swap are planned blindly. Its failure is a remark: the data are right. */
async function analyze(connection: Connection, name: string): Promise<string | undefined> {
  const client = await connect(connection, name);
  try {
    await client.query('analyze');
    return undefined;
  } catch (error) {
    return `statistics are missing, run ANALYZE: ${fromServerError(error, 'analyze').message}`;
  } finally {
    await client.end();
  }
}

/** The failure of a comparison, with its first findings. */
export function comparisonFailed(destination: string, name: string, comparison: Comparison): HoldfastError {
  const { differences } = comparison;
  const more = differences.length > 10 ? ` and ${differences.length - 10} more` : '';
  return new HoldfastError(
    'comparison-failed',
    `the restored copy of '${destination}' differs from the backup: ${differences.slice(0, 10).join('; ')}${more}`,
    { hint: `the copy was not put in place; look at it in database ${escapeIdentifier(name)}` },
  );
}
