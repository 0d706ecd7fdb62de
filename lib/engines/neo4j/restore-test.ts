import path from 'node:path';
import * as z from 'zod';
import { neo4jRestoreTestShape } from '../../config/targets/neo4j.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { EngineContext, RestoreTestPlan, RestoreTestResult } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { askAssertions } from './ask-assertions.ts';
import { connect } from './connection.ts';
import { backupFormat } from './dump/capture-online.ts';
import { compareDump } from './dump/compare-dump.ts';
import { dumpFormat } from './dump/dump-check.ts';
import { loadDump } from './dump/load-dump.ts';
import { restoreCypher } from './restore.ts';
import { prepareTestServer, type TestServer } from './test-server.ts';
import type { FindTools, Neo4jTools } from './tools.ts';

const optionsSchema = z.object(neo4jRestoreTestShape);

type Context = Omit<EngineContext, 'connection'>;
type Streams = RestoreTestPlan['streams'];

/** The only database that every edition has. */
const database = 'neo4j';

/**
 * Restores a backup into Neo4j servers of its own, one for each database, and examines it: a script by the engine's own restore, with its
 * comparison of every element, a dump by neo4j-admin's load and consistency check; and what the user asserts. Nothing but the private folders
 * of those servers is written to.
 */
export async function testRestore(
  context: Context,
  plan: RestoreTestPlan,
  findTools: FindTools,
): Promise<RestoreTestResult> {
  const tools = await findTools(String(plan.source['serverVersion'] ?? '5')).catch(notHere);
  const restored: RestoreTestResult['restored'][number][] = [];
  const problems = [...unknownDatabases(plan)];
  let restoreSeconds = 0;
  for (const [index, stream] of plan.streams.entries()) {
    const isLast = index === plan.streams.length - 1;
    const one = await testOne(context, { ...plan, onRestored: isLast ? plan.onRestored : () => {} }, { tools, stream });
    restored.push(...one.restored);
    problems.push(...one.problems);
    restoreSeconds += one.restoreSeconds;
  }
  return {
    server: 'Neo4j',
    serverVersion: tools.version,
    restored,
    restoreSeconds: Math.round(restoreSeconds * 1000) / 1000,
    relations: 0,
    problems: problems.map((message) => ({ code: 'assertion-failed' as const, message })),
    remarks: restored.flatMap(({ comparison }) => comparison.remarks),
  };
}

type Tested = Pick<RestoreTestResult, 'restored' | 'restoreSeconds'> & { readonly problems: readonly string[] };

async function testOne(
  context: Context,
  plan: RestoreTestPlan,
  { tools, stream }: { readonly tools: Neo4jTools; readonly stream: Streams[number] },
): Promise<Tested> {
  context.progress({ phase: 'start', detail: `Neo4j ${tools.version}` });
  const sizeBytes =
    stream.record.content?.tables.reduce((sum, { bytes }) => sum + bytes, 0) ?? stream.record.plainBytes;
  await using server = await prepareTestServer({ tools, sizeBytes, ...optionsSchema.parse(plan.options) });
  const end = (): void => void server[Symbol.asyncDispose]();
  // A statement that takes its time would not hear of the end otherwise.
  context.signal.addEventListener('abort', end, { once: true });
  try {
    const isDump = [dumpFormat, backupFormat].includes(stream.record.format);
    const beganAt = performance.now();
    const copy = await (isDump ? loadInto : restoreInto)(context, plan, { tools, stream, server });
    const restoreSeconds = (performance.now() - beganAt) / 1000;
    plan.onRestored();
    const problems = await askAll(context, plan, { connection: server.connection, stream });
    return { restored: [copy], restoreSeconds, problems };
  } catch (error) {
    if (context.signal.aborted) throw stopReason(context.signal, 'the restore test');
    throw error;
  } finally {
    context.signal.removeEventListener('abort', end);
  }
}

type Into = { readonly tools: Neo4jTools; readonly stream: Streams[number]; readonly server: TestServer };
type Restored = RestoreTestResult['restored'][number];

async function restoreInto(context: Context, { source }: RestoreTestPlan, { stream, server }: Into): Promise<Restored> {
  await server.start();
  const streams = [{ ...stream, destination: database }];
  const plan = { source, replace: false, streams };
  const { restored } = await restoreCypher({ ...context, connection: server.connection }, plan, { leavesOut: true });
  const [one] = restored;
  if (one === undefined) throw new Error('a restore of one stream restored none');
  return { ...one, database: stream.record.name };
}

async function loadInto(context: Context, _plan: RestoreTestPlan, { tools, stream, server }: Into): Promise<Restored> {
  const { home, connection } = server;
  await loadDump(context, stream, { tools, home, folder: path.join(home, 'import'), database });
  await server.start();
  const comparison = await compareDump({ ...context, connection }, stream.record, database);
  return { stream: stream.record.stream, database: stream.record.name, comparison };
}

/** What is not installed says nothing of the backup. */
function notHere(error: unknown): never {
  if (!(error instanceof HoldfastError) || !['tool-missing', 'version-mismatch'].includes(error.code)) throw error;
  throw new HoldfastError('not-testable', `not testable here: ${error.message}`, { hint: error.hint, cause: error });
}

async function askAll(
  context: Context,
  plan: RestoreTestPlan,
  { connection, stream }: { readonly connection: TestServer['connection']; readonly stream: Streams[number] },
): Promise<readonly string[]> {
  const { name, facts, beganAt } = stream.record;
  const assertions = plan.assertions.filter((assertion) => assertion.database === name);
  if (assertions.length === 0) return [];
  const server = await connect(connection, context.scratch);
  try {
    return await askAssertions(server, {
      database,
      assertions,
      timeoutSeconds: plan.assertionTimeoutSeconds,
      snapshotAt: typeof facts['snapshotAt'] === 'string' ? facts['snapshotAt'] : beganAt,
      onAssertion: (detail) => context.progress({ phase: 'assertions', detail }),
    });
  } finally {
    await server.driver.close();
  }
}

const unknownDatabases = ({ assertions, streams }: RestoreTestPlan): string[] =>
  assertions
    .filter((assertion) => !streams.some(({ record }) => record.name === assertion.database))
    .map((assertion) => `assertion '${assertion.name}': the backup holds no database '${assertion.database}'`);
