import * as z from 'zod';
import { postgresRestoreTestShape } from '../../../config/targets/postgres.ts';
import { foldersAndFiles } from '../../../core/content-words.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { RecoveryPoint } from '../../../core/recovery-point.ts';
import type { EngineContext, RestoreTestPlan, RestoreTestResult } from '../../engine.ts';
import { askAssertions } from '../ask-assertions.ts';
import { notExamined } from '../examine-structures.ts';
import { clusterAmong, clusterFactsOf } from './cluster-facts.ts';
import { databasesOf, examineChecksums, examineDatabases } from './examine-cluster.ts';
import { findLogPath } from './log-path.ts';
import { openScratchCluster, type ScratchCluster } from './open-scratch-cluster.ts';
import { planAlong } from './plan-recovery.ts';
import { pointByChance } from './point-by-chance.ts';

const optionsSchema = z.object(postgresRestoreTestShape);
type Context = Omit<EngineContext, 'connection'>;

/**
 * Recovers a cluster in a private folder and examines it: structures, page checksums, and what the user asserts of each database. Where a log goes
 * on from the backup, it is recovered to a moment by chance between the backup and the log's end, so that over time all of the window is proved.
 */
export async function testCluster(context: Context, plan: RestoreTestPlan): Promise<RestoreTestResult> {
  const { amcheck, serverSettings } = optionsSchema.parse(plan.options);
  const stream = clusterAmong(plan.streams);
  const base = clusterFactsOf(stream.record);
  const along = plan.log && { log: plan.log, path: await findLogPath(plan.log, base, undefined) };
  const point =
    plan.point ?? (await pointByChance(base, { along, notBefore: stream.record.endedAt, chance: plan.chance ?? 0 }));

  const beganAt = performance.now();
  // Whichever moment is drawn, it is one of the newest timeline: nobody means another.
  const recovery = await planAlong(base, { along, point, isTimelineNamed: along !== undefined });
  await using cluster = await openTestable(context, { ...plan, recovery }, serverSettings);
  const restoreSeconds = Math.round(performance.now() - beganAt) / 1000;
  plan.onRestored();

  const structures = amcheck ? await examineDatabases(context, await cluster.server.connection()) : notExamined;
  const failed = await askAll(context, plan, cluster, restoredPoint(point, cluster));
  await cluster.server.stop();
  const sums = await examineChecksums(context, { ...cluster, checksums: base.checksums });
  return {
    server: 'PostgreSQL',
    serverVersion: cluster.programs.version,
    restored: [
      {
        stream: stream.record.stream,
        database: '',
        comparison: {
          same: true,
          proof: 'examined',
          words: foldersAndFiles,
          collectionsCompared: 1 + base.tablespaces.length,
          itemsCompared: cluster.unpacked.files,
          differences: [],
          remarks: [],
        },
      },
    ],
    parentBytes: cluster.parentBytes,
    restoreSeconds,
    restoredPoint: restoredPoint(point, cluster),
    relations: structures.relations,
    problems: [
      ...[...structures.problems, ...sums.problems.slice(0, 5)].map((message) => ({
        code: 'copy-damaged' as const,
        message,
      })),
      ...failed.map((message) => ({ code: 'assertion-failed' as const, message })),
    ],
    remarks: [...structures.remarks, ...sums.remarks],
  };
}

/** What this place lacks says nothing of the backup. */
async function openTestable(
  context: Context,
  plan: Parameters<typeof openScratchCluster>[1],
  settings: Readonly<Record<string, string>>,
): Promise<ScratchCluster> {
  try {
    return await openScratchCluster(context, plan, { tooSmall: 'test-disk-too-small', settings });
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'disk-full') throw error;
    throw new HoldfastError('test-disk-too-small', error.message, { cause: error });
  }
}

/**
 * The moment that was brought back: the one that was asked for, since nothing is missing before it, or else that of the last transaction, and
 * never one before the backup's own.
 */
function restoredPoint(point: RecoveryPoint, { reached, base }: Pick<ScratchCluster, 'reached' | 'base'>): string {
  const moments = [base.snapshotAt, reached.at, point.kind === 'time' ? point.value : null]
    .filter((moment) => moment !== null)
    .map((moment) => Date.parse(moment));
  return new Date(Math.max(...moments)).toISOString();
}

/** What the user asserts of each database, which all show the same moment. */
async function askAll(
  context: Context,
  plan: RestoreTestPlan,
  { server, programs }: ScratchCluster,
  at: string,
): Promise<readonly string[]> {
  const connection = await server.connection();
  const databases = await databasesOf(connection);
  const snapshotAt = new Map(databases.map((name) => [name, at]));
  return askAssertions(context, connection, { plan, major: programs.major, snapshotAt });
}
