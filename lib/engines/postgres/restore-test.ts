import { escapeIdentifier, escapeLiteral } from 'pg';
import * as z from 'zod';
import { postgresRestoreTestShape } from '../../config/targets/postgres.ts';
import { HoldfastError } from '../../core/errors.ts';
import { serverAccount } from '../../servers/server-account.ts';
import type { EngineContext, RestoreTestPlan, RestoreTestResult } from '../engine.ts';
import { askAssertions } from './ask-assertions.ts';
import type { FindTools } from './capture.ts';
import { type DatabaseFacts, factsOf } from './database-facts.ts';
import { translated } from './errors.ts';
import { examineStructures, notExamined } from './examine-structures.ts';
import { globalsFormat } from './formats/formats.ts';
import { inDatabase } from './in-database.ts';
import { restoreLogical } from './restore.ts';
import { planGlobals, readGlobals } from './restore-globals.ts';
import { findServerPrograms } from './server-programs.ts';
import { openTestServer, type TestServer } from './test-server.ts';

const optionsSchema = z.object(postgresRestoreTestShape);

type Context = Omit<EngineContext, 'connection'>;
type Database = { readonly name: string; readonly facts: DatabaseFacts };

/**
 * Restores a backup into a PostgreSQL server of its own and examines it: the engine's own restore, with its comparison of every table; the
 * structure of tables and indexes; and what the user asserts. Nothing but the private folder of that server is written to.
 */
export async function testRestore(
  context: Context,
  plan: RestoreTestPlan,
  findTools: FindTools,
): Promise<RestoreTestResult> {
  const { amcheck, serverSettings } = optionsSchema.parse(plan.options);
  const databases = plan.streams
    .filter(({ record }) => record.format !== globalsFormat)
    .map(({ record }): Database => ({ name: record.name, facts: factsOf(record) }));
  const account = serverAccount();
  const newest = Math.max(...databases.map(({ facts }) => facts.major));
  const programs = await findServerPrograms(newest, { account, findTools });
  const sizeBytes = databases.reduce((sum, { facts }) => sum + facts.sizeBytes, 0);

  context.progress({ phase: 'start', detail: `PostgreSQL ${programs.version}` });
  await using server = await openTestServer({ programs, account, sizeBytes, settings: serverSettings });
  // A statement that takes its time would not hear of the end otherwise.
  context.signal.addEventListener('abort', () => void server[Symbol.asyncDispose](), { once: true });
  await makeTablespaces(server, plan, databases);

  const beganAt = performance.now();
  const { restored } = await restoreInto(server, context, plan, findTools);
  const restoreSeconds = Math.round(performance.now() - beganAt) / 1000;
  plan.onRestored();

  const names = databases.map(({ name }) => name);
  const structure = amcheck ? await examineStructures(context, server.connection, names) : notExamined;
  const snapshotAt = new Map(databases.map(({ name, facts }) => [name, facts.snapshotAt]));
  const failed = await askAssertions(context, server.connection, { plan, major: programs.major, snapshotAt });
  return {
    server: 'PostgreSQL',
    serverVersion: programs.version,
    restored,
    restoreSeconds,
    relations: structure.relations,
    problems: [
      ...structure.problems.map((message) => ({ code: 'copy-damaged' as const, message })),
      ...failed.map((message) => ({ code: 'assertion-failed' as const, message })),
    ],
    remarks: structure.remarks,
  };
}

/** What the engine's own preflight misses here says nothing of the backup. */
async function restoreInto(
  { connection }: TestServer,
  context: Context,
  { streams, source }: RestoreTestPlan,
  findTools: FindTools,
): ReturnType<typeof restoreLogical> {
  try {
    return await restoreLogical(
      { ...context, connection },
      // A new server has a database 'postgres', and the backup may have another.
      { source, replace: true, streams: streams.map((stream) => ({ ...stream, destination: stream.record.name })) },
      findTools,
    );
  } catch (error) {
    const failure = translated(error, 'restore test');
    if (!(failure instanceof HoldfastError)) throw error;
    // Another attempt would have the same disk.
    if (failure.code === 'disk-full')
      throw new HoldfastError('test-disk-too-small', failure.message, { cause: failure });
    if (failure.code !== 'preflight-failed') throw failure;
    throw new HoldfastError('not-testable', `not testable here: ${failure.message}`, { cause: failure });
  }
}

/** Tablespaces under the names that the backup knows, in folders of this server's own: those of the source do not exist here. */
async function makeTablespaces(
  server: TestServer,
  plan: RestoreTestPlan,
  databases: readonly Database[],
): Promise<void> {
  const globals = plan.streams.find(({ record }) => record.format === globalsFormat);
  await inDatabase(server.connection, 'postgres', async (admin) => {
    const planned = globals ? (await planGlobals(admin, await readGlobals(globals.open()))).tablespaces : [];
    const named = databases.flatMap(({ facts }) => [...facts.tablespaces, facts.tablespace]);
    for (const name of new Set([...planned, ...named])) {
      if (name === 'pg_default') continue;
      const location = escapeLiteral(server.tablespaceFolder());
      await admin.query(`create tablespace ${escapeIdentifier(name)} location ${location}`);
    }
  });
}
