import { once } from 'node:events';
import { type Client, escapeIdentifier } from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { StreamRecord } from '../../core/manifest.ts';
import { type Child, openChild } from '../../runner/child.ts';
import type { Comparison, EngineContext } from '../engine.ts';
import { compareDatabase } from './compare.ts';
import { type Connection, connect, toolEnvironment } from './connection.ts';
import { type DatabaseFacts, factsOf } from './database-facts.ts';
import { fromServerError, fromTool } from './errors.ts';
import { applyProperties, createDatabaseStatement } from './properties.ts';
import type { Server } from './server.ts';
import { stopReason } from './tool-output.ts';
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
 * Restores one archive into a new database called `name`, with the source's properties, and compares it.
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
  },
): Promise<Comparison> {
  const { name, record } = options;
  const facts = factsOf(record);
  const { admin, connection, server } = destination;
  context.progress({ phase: 'create', detail: options.destination });
  await createDatabase(admin, name, facts, server);
  await admin.query(markStatement(name, { state: 'restoring', destination: options.destination }));
  await emptyTemplate(connection, name, facts);

  context.progress({ phase: 'restore', detail: options.destination, bytes: 0, expectedBytes: record.plainBytes });
  await runRestore(context, destination, { ...options, facts });
  await applyProperties(admin, name, facts).catch((error) => {
    throw fromServerError(error, `giving database '${options.destination}' its properties`, 'restore-failed');
  });

  context.progress({ phase: 'compare', detail: options.destination });
  // People know the database by the name that it will have.
  const progress: EngineContext['progress'] = (event) => context.progress({ ...event, detail: options.destination });
  const comparison = await compareDatabase({ ...context, progress }, record, { ...destination, database: name });
  if (!comparison.same) return comparison;
  const remark = await analyze(connection, name);
  return remark === undefined ? comparison : { ...comparison, remarks: [...comparison.remarks, remark] };
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

/** Streams the archive into pg_restore. The archive's own error wins over pg_restore's, which is but its consequence. */
async function runRestore(
  context: EngineContext,
  destination: Destination,
  options: {
    readonly name: string;
    readonly destination: string;
    readonly record: StreamRecord;
    readonly bytes: AsyncIterable<Uint8Array>;
    readonly facts: DatabaseFacts;
  },
): Promise<void> {
  const doing = `the restore of database '${options.destination}'`;
  if (context.signal.aborted) throw stopReason(context.signal, doing);
  const { lcMonetary } = options.facts;
  const env = await toolEnvironment(destination.connection, {
    database: options.name,
    scratch: context.scratch,
    settings: lcMonetary === null ? {} : { lc_monetary: lcMonetary },
  });
  const child = openChild({
    program: destination.tools.pgRestore,
    // Its own transaction would hold a lock on every object; the database is new, so what a failure leaves is dropped whole.
    args: ['--format=custom', '--exit-on-error', '--no-password', `--dbname=${options.name}`],
    env,
    signal: context.signal,
  });
  child.stdout.resume();
  let seenBytes = 0;
  let reportedBytes = 0;
  try {
    await feed(child, options.bytes, (chunk) => {
      seenBytes += chunk.length;
      if (seenBytes - reportedBytes < progressStepBytes) return;
      reportedBytes = seenBytes;
      const expectedBytes = options.record.plainBytes;
      context.progress({ phase: 'restore', detail: options.destination, bytes: seenBytes, expectedBytes });
    });
    const end = await child.ended;
    if (context.signal.aborted) throw stopReason(context.signal, doing);
    if (end.code !== 0)
      throw fromTool({ tool: 'pg_restore', doing, end, stderr: child.stderr(), otherwise: 'restore-failed' });
  } finally {
    await child.stop();
  }
}

/**
 * Writes the bytes into the child as fast as it takes them. Rejects only when the bytes themselves break off, and then does not end the
 * child's input, so that it cannot take the part for the whole; a child that goes away before the end is judged by its exit code.
 */
async function feed(
  child: Child,
  bytes: AsyncIterable<Uint8Array>,
  onWritten: (chunk: Uint8Array) => void,
): Promise<void> {
  const gone = new AbortController();
  const onGone = () => gone.abort();
  child.ended.then(onGone, onGone);
  for await (const chunk of bytes) {
    if (child.stdin.destroyed) return;
    if (!child.stdin.write(chunk)) await once(child.stdin, 'drain', { signal: gone.signal }).catch(() => {});
    onWritten(chunk);
  }
  child.stdin.end();
}

/** Fresh statistics, without which the first queries after the swap are planned blindly. Its failure is a remark: the data are right. */
async function analyze(connection: Connection, name: string): Promise<string | undefined> {
  const client = await connect(connection, name);
  try {
    await client.query('set statement_timeout = 0');
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
