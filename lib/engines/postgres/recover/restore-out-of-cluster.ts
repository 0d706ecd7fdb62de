import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { StreamRecord } from '../../../core/manifest.ts';
import type { ReachedPoint } from '../../../core/recovery-point.ts';
import type { Selection } from '../../../core/selection.ts';
import { withRemarks } from '../../comparison.ts';
import type { CaptureStream, EngineContext, RestorePlan, RestoreResult } from '../../engine.ts';
import { captureLogical, type FindTools } from '../capture.ts';
import { restoreLogical } from '../restore.ts';
import { clusterAmong, clusterFactsOf } from './cluster-facts.ts';
import { databasesOf } from './examine-cluster.ts';
import { openScratchCluster } from './open-scratch-cluster.ts';
import { planRecovery } from './plan-recovery.ts';

type Planned = RestorePlan['streams'][number];

/**
 * Brings databases, schemas or tables out of a backup of a whole cluster into a server. The cluster is recovered to the point in a private folder
 * of this machine; what was chosen is dumped there, and restored as any dump is: beside what the server has, compared, then put in place.
 */
export async function restoreOutOfCluster(
  context: EngineContext,
  plan: RestorePlan,
  findTools: FindTools,
): Promise<RestoreResult> {
  const { selection } = plan;
  if (selection === undefined) throw new Error('nothing was chosen');
  const { record, destination } = clusterAmong(plan.streams);
  const as = destination === '' ? undefined : destination;
  const { dumps, source, reached, parentBytes } = await dumpsOf(context, plan, { selection, as, findTools });
  const { selection: _, ...whole } = plan;
  const part = partOf(selection);
  const { restored } = await restoreLogical(
    context,
    { ...whole, streams: dumps, source, ...(part && { selection: part }) },
    findTools,
  );
  const remark = `out of the cluster as of ${reached.position}${reached.at === null ? '' : `, ${reached.at}`}`;
  return {
    reached,
    parentBytes,
    restored: restored.map((one) => ({
      ...one,
      stream: record.stream,
      comparison: withRemarks(one.comparison, [remark]),
    })),
  };
}

type Dumped = {
  readonly dumps: readonly Planned[];
  readonly source: RestorePlan['source'];
  readonly reached: ReachedPoint;
  /** What was read of the backups that this one builds on. */
  readonly parentBytes: number;
};

/** Recovers the cluster, dumps what was chosen of it into files, and lets go of the cluster. */
async function dumpsOf(
  context: EngineContext,
  plan: RestorePlan,
  {
    selection,
    as,
    findTools,
  }: { readonly selection: Selection; readonly as: string | undefined; readonly findTools: FindTools },
): Promise<Dumped> {
  const recovery = await planRecovery(clusterFactsOf(clusterAmong(plan.streams).record), plan);
  await using cluster = await openScratchCluster(context, { ...plan, recovery }, { tooSmall: 'preflight-failed' });
  const connection = await cluster.server.connection();
  const databases = chosenOf(selection, await databasesOf(connection), as);
  const dumps: Planned[] = [];
  const capture = await captureLogical(
    { ...context, connection: { ...connection, databases }, options: asFastAsItGoes },
    { method: 'logical', format: 'custom' },
    findTools,
  );
  try {
    // Roles come along with all databases, as they do from dumps.
    const isAll = selection.databases?.length === 0 && partOf(selection) === undefined && as === undefined;
    for (const one of capture.streams) {
      if (one.kind === 'globals' && !isAll) continue;
      const file = path.join(context.scratch, `${one.stream}.dump`);
      dumps.push(plannedOf(await saved(context, one, file), { file, destination: as ?? one.name }));
    }
  } finally {
    await capture.end();
  }
  return { dumps, source: capture.source, reached: cluster.reached, parentBytes: cluster.parentBytes };
}

/** Nobody else works on this server. */
const asFastAsItGoes = {
  maxImpactPercent: 100,
  lockTimeoutSeconds: 30,
  statementTimeoutSeconds: 0,
  giveWaySeconds: 0,
} as const;

function chosenOf(
  { databases = [], schemas, tables }: Selection,
  present: readonly string[],
  as: string | undefined,
): readonly string[] {
  const unknown = databases.find((name) => !present.includes(name));
  if (unknown !== undefined)
    throw new HoldfastError('database-missing', `the cluster has no database '${unknown}' at that point`, {
      hint: `it has ${present.map((name) => `'${name}'`).join(', ')}`,
    });
  const own = present.filter((name) => name !== 'template1' && name !== 'postgres');
  const chosen = databases.length > 0 ? databases : own;
  const isOne = chosen.length === 1;
  if (!isOne && (as !== undefined || schemas.length > 0 || tables.length > 0))
    throw new HoldfastError('usage', 'that is for one database, and the cluster has several', {
      hint: `name one with --database: it has ${own.map((name) => `'${name}'`).join(', ')}`,
    });
  return chosen;
}

/** What remains to be chosen when the database is: nothing, or parts of it. */
function partOf({ databases: _, ...selection }: Selection): Selection | undefined {
  const { schemas, tables } = selection;
  return schemas.length > 0 || tables.length > 0 ? selection : undefined;
}

/** Writes the dump to a file of this run's own, which is read once it is known what is in it. */
async function saved(context: EngineContext, stream: CaptureStream, file: string): Promise<StreamRecord> {
  const beganAt = new Date().toISOString();
  const opened = await stream.open();
  let plainBytes = 0;
  {
    await using handle = await open(file, 'wx', 0o600);
    for await (const chunk of opened.bytes) {
      await handle.writeFile(chunk);
      plainBytes += chunk.length;
      context.progress({ phase: 'dump', detail: stream.name, bytes: plainBytes, expectedBytes: stream.expectedBytes });
    }
  }
  const { content, facts, secretFacts } = opened.result();
  return {
    ...{ stream: stream.stream, kind: stream.kind, name: stream.name, format: stream.format },
    ...{ status: 'complete', beganAt, endedAt: new Date().toISOString(), compression: 'none' },
    ...{ plainBytes, storedBytes: plainBytes, objects: [] },
    ...(content && { content }),
    facts: { ...facts, ...secretFacts },
  };
}

const plannedOf = (
  record: StreamRecord,
  { file, destination }: { readonly file: string; readonly destination: string },
): Planned => ({
  record,
  destination,
  async *open() {
    yield* createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>;
    await rm(file);
  },
});
