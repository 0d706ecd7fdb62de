import { z } from 'zod';
import { neo4jRestoreTestShape } from '../../config/targets/neo4j.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { EngineContext, RestoreTestPlan, RestoreTestResult } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { askAssertions } from './ask-assertions.ts';
import { connect } from './connection.ts';
import { restoreCypher } from './restore.ts';
import { prepareTestServer, type TestServer } from './test-server.ts';
import type { FindTools } from './tools.ts';

const optionsSchema = z.object(neo4jRestoreTestShape);

type Context = Omit<EngineContext, 'connection'>;
type Streams = RestoreTestPlan['streams'];

/** The only database that every edition has: backups of several databases are tested in it one after another. */
const database = 'neo4j';

/**
 * Restores a backup into a Neo4j server of its own and examines it: the engine's own restore, with its comparison of every element, and what
 * the user asserts. Nothing but the private folder of that server is written to.
 */
export async function testRestore(
  context: Context,
  plan: RestoreTestPlan,
  findTools: FindTools,
): Promise<RestoreTestResult> {
  const options = optionsSchema.parse(plan.options);
  const tools = await findTools(String(plan.source['serverVersion'] ?? '5')).catch(notHere);
  const sizeBytes = Math.max(0, ...plan.streams.map(({ record }) => record.plainBytes));
  context.progress({ phase: 'start', detail: `Neo4j ${tools.version}` });
  await using server = await prepareTestServer({ tools, sizeBytes, ...options });
  const end = (): void => void server[Symbol.asyncDispose]();
  // A statement that takes its time would not hear of the end otherwise.
  context.signal.addEventListener('abort', end, { once: true });
  try {
    await server.start();
    return { server: 'Neo4j', serverVersion: tools.version, relations: 0, ...(await examine(context, plan, server)) };
  } catch (error) {
    if (context.signal.aborted) throw stopReason(context.signal, 'the restore test');
    throw error;
  } finally {
    context.signal.removeEventListener('abort', end);
  }
}

/** What is not installed says nothing of the backup. */
function notHere(error: unknown): never {
  if (!(error instanceof HoldfastError) || !['tool-missing', 'version-mismatch'].includes(error.code)) throw error;
  throw new HoldfastError('not-testable', `not testable here: ${error.message}`, { hint: error.hint, cause: error });
}

async function examine(
  context: Context,
  plan: RestoreTestPlan,
  { connection }: TestServer,
): Promise<Pick<RestoreTestResult, 'restored' | 'restoreSeconds' | 'problems' | 'remarks'>> {
  const restored: RestoreTestResult['restored'][number][] = [];
  const problems: string[] = unknownDatabases(plan);
  let restoreSeconds = 0;
  for (const [index, stream] of plan.streams.entries()) {
    const beganAt = performance.now();
    const streams = [{ ...stream, destination: database }];
    const result = await restoreCypher(
      { ...context, connection },
      { source: plan.source, replace: true, streams },
      { leavesOut: true },
    );
    restoreSeconds += (performance.now() - beganAt) / 1000;
    restored.push(...result.restored.map((one) => ({ ...one, database: stream.record.name })));
    if (index === plan.streams.length - 1) plan.onRestored();
    problems.push(...(await askAll(context, plan, { connection, stream })));
  }
  return {
    restored,
    restoreSeconds: Math.round(restoreSeconds * 1000) / 1000,
    problems: problems.map((message) => ({ code: 'assertion-failed' as const, message })),
    remarks: restored.flatMap(({ comparison }) => comparison.remarks),
  };
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
