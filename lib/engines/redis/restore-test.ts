import * as z from 'zod';
import { redisRestoreTestShape } from '../../config/targets/redis.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { EngineContext, RestoreTestPlan, RestoreTestResult } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { askAssertions } from './ask-assertions.ts';
import { serverName } from './capture.ts';
import { databasesOf } from './compare.ts';
import { aclFormat } from './formats/formats.ts';
import { expiringName } from './keys/content-digest.ts';
import { restoreStreams } from './restore.ts';
import { findServerProgram } from './server-program.ts';
import { openTestServer } from './test-server.ts';

const optionsSchema = z.object(redisRestoreTestShape);
const sourceSchema = z.object({
  product: z.string().default('Redis'),
  serverVersion: z.string().default('0.0.0'),
});
const factsSchema = z.object({ rdbVersion: z.number().default(0), snapshotAt: z.iso.datetime().optional() });

/**
 * Restores a backup into a server of its own and examines it: the engine's own restore, with its comparison of every key, and what the user
 * asserts. The shards of a cluster come together in one server. Nothing is written but the memory of that server.
 */
export async function testRestore(
  context: Omit<EngineContext, 'connection'>,
  plan: RestoreTestPlan,
): Promise<RestoreTestResult> {
  const { serverSettings } = optionsSchema.parse(plan.options);
  const source = sourceSchema.parse(plan.source);
  const streams = plan.streams.filter(({ record }) => record.format !== aclFormat);
  const facts = streams.map(({ record }) => factsSchema.parse(record.facts));
  const tables = streams.flatMap(({ record }) => record.content?.tables ?? []);
  const program = findServerProgram({
    product: source.product,
    version: source.serverVersion,
    rdbVersion: Math.max(0, ...facts.map(({ rdbVersion }) => rdbVersion)),
    // Fields that run out; keys of modules are in forms of their own.
    needsNewest: tables.some(({ name }) => name === expiringName('hash') || name.startsWith('module ')),
  });
  const databases = streams.flatMap(({ record }) => databasesOf(record));

  context.progress({ phase: 'start', detail: `${program.product} ${program.version}` });
  await using server = await openTestServer({
    program,
    sizeBytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
    // As many again, to restore into before the swap.
    databases: Math.max(0, ...databases) + new Set(databases).size + 2,
    settings: serverSettings,
  });
  // A command that takes its time would not hear of the end otherwise.
  context.signal.addEventListener('abort', () => void server[Symbol.asyncDispose](), { once: true });

  const beganAt = performance.now();
  const { restored } = await restoreInto(context, server.connection, plan, streams);
  const restoreSeconds = Math.round(performance.now() - beganAt) / 1000;
  plan.onRestored();

  const failed = await askAssertions(server.connection, {
    assertions: plan.assertions,
    timeoutSeconds: plan.assertionTimeoutSeconds,
    snapshotAt: facts[0]?.snapshotAt ?? streams[0]?.record.beganAt ?? '',
    onAssertion: (name) => {
      if (context.signal.aborted) throw stopReason(context.signal, 'the restore test');
      context.progress({ phase: 'assertions', detail: name });
    },
  });
  const aclStreams = plan.streams.length - streams.length;
  return {
    server: program.product,
    serverVersion: program.version,
    restored,
    restoreSeconds,
    relations: 0,
    problems: failed.map((message) => ({ code: 'assertion-failed' as const, message })),
    remarks: [
      ...(aclStreams > 0 ? ['ACL users are in the backup, and were not made in the test'] : []),
      ...(program.product === source.product && program.version === source.serverVersion
        ? []
        : [`the backup is of ${source.product} ${source.serverVersion}`]),
    ],
  };
}

async function restoreInto(
  context: Omit<EngineContext, 'connection'>,
  connection: unknown,
  { source }: RestoreTestPlan,
  streams: RestoreTestPlan['streams'],
): ReturnType<typeof restoreStreams> {
  try {
    return await restoreStreams(
      { ...context, connection, options: {} },
      {
        source,
        replace: false,
        streams: streams.map((stream) => ({ ...stream, destination: serverName })),
      },
    );
  } catch (error) {
    // What the engine's own preflight misses here says nothing of the backup.
    if (!(error instanceof HoldfastError) || error.code !== 'preflight-failed') throw error;
    throw new HoldfastError('not-testable', `not testable here: ${error.message}`, { cause: error });
  }
}
