import { type Client, escapeIdentifier } from 'pg';
import { tablesAndRows } from '../../core/content-words.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { StreamRecord } from '../../core/manifest.ts';
import { nothingCompared, withRemarks } from '../comparison.ts';
import type { Comparison, EngineContext, RestorePlan, RestoreResult } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import type { FindTools } from './capture.ts';
import { type Connection, connect, parseConnection } from './connection.ts';
import { type DatabaseFacts, factsOf } from './database-facts.ts';
import { type DestinationLocks, openDestinationLocks } from './destination-locks.ts';
import { globalsFormat } from './formats/formats.ts';
import { checkDestination } from './preflight.ts';
import { comparisonFailed, restoreDatabase } from './restore-database.ts';
import { applyGlobals, type GlobalsPlan, planGlobals, readGlobals } from './restore-globals.ts';
import { requireArchive, restoreSelection } from './select/restore-selection.ts';
import { connectToServer, readServer } from './server.ts';
import { type Copy, destinationHeld, dropReplaced, swapIntoPlace } from './swap.ts';
import { dropLeftovers, markStatement, newWorkName } from './work-databases.ts';

type Planned = RestorePlan['streams'][number];

/**
 * Puts databases back, all or none of them.
 *
 * Invariant: until the swap, which is one transaction, no existing database, role or tablespace is altered. In order: leftovers of
 * crashed runs are dropped, everything is checked, new roles and tablespaces are made, every database is restored under a working name
 * and compared; then all are renamed into place at once, and the replaced ones are dropped last. A crash before the swap leaves working
 * databases and perhaps new roles, a crash after it the replaced databases; both are marked, and the next run clears them away.
 */
export async function restoreLogical(
  context: EngineContext,
  plan: RestorePlan,
  findTools: FindTools,
): Promise<RestoreResult> {
  const connection = parseConnection(context.connection);
  const globalsStreams = plan.streams.filter(({ record }) => record.format === globalsFormat);
  const databaseStreams = plan.streams.filter(({ record }) => record.format !== globalsFormat);
  const destinations = databaseStreams.map(({ destination }) => destination);
  checkNames(destinations);
  const { cutOver = true } = plan;
  if (plan.selection) for (const { record } of databaseStreams) requireArchive(record);

  let admin = await adminSession(connection);
  let locks: DestinationLocks | undefined;
  try {
    locks = await openDestinationLocks(connection, admin);
    const server = await readServer(admin);
    const tools = await findTools(server.major);
    for (const destination of destinations) if (!(await locks.take(destination))) throw destinationHeld(destination);
    if (!server.inRecovery) await dropLeftovers(admin, locks, destinations);

    context.progress({ phase: 'preflight' });
    const into = plan.selection && (await existingDestination(admin, databaseStreams));
    if (plan.selection && into) {
      if (server.inRecovery)
        throw new HoldfastError('preflight-failed', 'the server is a standby, which takes no writes');
      const { record, destination: database } = into;
      const comparison = await restoreSelection(context, {
        ...{ connection, tools, database, record, cutOver },
        bytes: into.open(),
        selection: plan.selection,
        replace: plan.replace,
      });
      return { restored: [{ stream: record.stream, database, comparison }] };
    }
    const globals = await gatherGlobals(admin, globalsStreams);
    await checkDestination(admin, {
      server,
      databases: databaseStreams.map(({ record, destination }) => ({
        destination,
        facts: plan.selection ? factsOfPart(record) : factsOf(record),
      })),
      globals,
      // A rehearsal replaces nothing, so that it may go on beside the live database.
      replace: plan.replace || !cutOver,
    });

    let regranted: readonly string[] = [];
    if (globals) {
      context.progress({ phase: 'globals' });
      regranted = await applyGlobals(admin, globals);
    }
    const { copies, comparisons } = await restoreCopies(context, plan, databaseStreams, {
      ...{ admin, connection, server, tools },
    });

    if (!cutOver) {
      await dropCopies(admin, copies);
      return restoredOf(plan, { globals, regranted }, comparisons, [rehearsed]);
    }
    context.progress({ phase: 'swap' });
    let replaced: string[];
    try {
      if (context.signal.aborted) throw stopReason(context.signal, 'the restore');
      // A session in the database that is to be renamed would be in its own way.
      if (destinations.includes(databaseOf(admin))) {
        await admin.end();
        admin = await connect(connection, 'template1');
      }
      replaced = await swap(connection, admin, copies, plan);
    } catch (error) {
      await dropCopies(admin, copies);
      throw error;
    }
    context.progress({ phase: 'drop' });
    const remarks = await dropReplaced(admin, replaced);

    return restoredOf(plan, { globals, regranted }, comparisons, remarks);
  } finally {
    await admin.end().catch(() => {});
    await locks?.end();
  }
}

const rehearsed =
  "a rehearsal (recovery.mode is 'test'): the copy was dropped after the comparison, and nothing was replaced";

function restoredOf(
  { streams }: RestorePlan,
  made: { readonly globals: GlobalsPlan | undefined; readonly regranted: readonly string[] },
  comparisons: readonly Comparison[],
  remarks: readonly string[],
): RestoreResult {
  const isGlobals = ({ record }: Planned): boolean => record.format === globalsFormat;
  const databases = streams.filter((stream) => !isGlobals(stream));
  return {
    restored: [
      ...streams.filter(isGlobals).map(({ record }) => ({
        stream: record.stream,
        database: '',
        comparison: globalsComparison(made),
      })),
      ...databases.map(({ record, destination }, index) => ({
        stream: record.stream,
        database: destination,
        comparison: withRemarks(compared(comparisons[index]), remarks),
      })),
    ],
  };
}

/** The one chosen database where it goes to one that exists; undefined where a new one is made. */
async function existingDestination(admin: Client, streams: readonly Planned[]): Promise<Planned | undefined> {
  const [stream, ...others] = streams;
  if (!stream || others.length > 0)
    throw new HoldfastError('usage', 'schemas and tables are chosen out of one database');
  const { rowCount } = await admin.query('select from pg_database where datname = $1', [stream.destination]);
  return rowCount ? stream : undefined;
}

/** What a new database for a part of the backup needs: what the part itself needs is known when the archive is read. */
function factsOfPart(record: StreamRecord): DatabaseFacts {
  const facts = factsOf(record);
  return { ...facts, roles: [facts.owner], extensions: [], tablespaces: [] };
}

/** Restores and compares every database under a working name; when one fails, drops them all but one that differs. */
async function restoreCopies(
  context: EngineContext,
  { selection, comparison: depth }: RestorePlan,
  streams: readonly Planned[],
  destination: Parameters<typeof restoreDatabase>[1],
): Promise<{ copies: Copy[]; comparisons: Comparison[] }> {
  const { admin } = destination;
  const copies: Copy[] = [];
  const comparisons: Comparison[] = [];
  const kept = new Set<string>();
  try {
    for (const stream of streams) {
      const name = newWorkName('restoring', stream.destination);
      copies.push({ name, destination: stream.destination, facts: factsOf(stream.record) });
      const comparison = await restoreDatabase(context, destination, {
        name,
        destination: stream.destination,
        record: stream.record,
        bytes: stream.open(),
        isReadBack: depth !== 'loaded',
        ...(selection && { selection }),
      });
      if (!comparison.same) {
        await admin.query(markStatement(name, { state: 'differs', destination: stream.destination }));
        kept.add(name);
        throw comparisonFailed(stream.destination, name, comparison);
      }
      comparisons.push(comparison);
    }
    return { copies, comparisons };
  } catch (error) {
    await dropCopies(
      admin,
      copies.filter(({ name }) => !kept.has(name)),
    );
    throw error;
  }
}

/** A copy that was put in place has no working name any more, and is safe. What cannot be dropped now, the next restore drops. */
async function dropCopies(admin: Client, copies: readonly Copy[]): Promise<void> {
  for (const { name } of copies)
    await admin.query(`drop database if exists ${escapeIdentifier(name)} with (force)`).catch(() => {});
}

async function swap(
  connection: Connection,
  admin: Client,
  copies: readonly Copy[],
  options: { readonly replace: boolean },
): Promise<string[]> {
  if (copies.length === 0) return [];
  const terminator = await connect(connection, databaseOf(admin));
  try {
    return await swapIntoPlace(admin, terminator, copies, options);
  } finally {
    await terminator.end().catch(() => {});
  }
}

async function adminSession(connection: Connection): Promise<Client> {
  // Creating and dropping a large database may take longer than any question does.
  return connectToServer(connection, { statementTimeoutSeconds: undefined });
}

const databaseOf = (client: Client) => client.database ?? '';

async function gatherGlobals(admin: Client, streams: readonly Planned[]): Promise<GlobalsPlan | undefined> {
  const [stream] = streams;
  return stream && planGlobals(admin, await readGlobals(stream.open()));
}

function globalsComparison({ globals, regranted }: Parameters<typeof restoredOf>[1]): Comparison {
  const remarks = [
    ...(globals?.existing ?? []).map((name) => `${name} existed and was left as it is`),
    ...regranted.map((grant) => `'${grant}' is granted by whoever restored: its grantor may not on this server`),
  ];
  return nothingCompared(tablesAndRows, remarks);
}

function compared(comparison: Comparison | undefined): Comparison {
  if (comparison) return comparison;
  throw new HoldfastError('internal', 'a restored database was not compared');
}

/** PostgreSQL would cut a longer name silently, and might cut it to that of another database. */
function checkNames(destinations: readonly string[]): void {
  for (const name of destinations) {
    if (name === '' || Buffer.byteLength(name) > 63 || name.includes('\0'))
      throw new HoldfastError('usage', `'${name}' cannot be a database's name: it must have 1 to 63 bytes`);
  }
  if (new Set(destinations).size < destinations.length)
    throw new HoldfastError('usage', 'two streams cannot be restored into one database');
}
