import pLimit from 'p-limit';
import { requireTarget } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import { firstFew } from '../core/first-few.ts';
import { formatVersionOf, isCompanion, type Manifest, type StreamRecord } from '../core/manifest.ts';
import { leaseKey, manifestKey } from '../core/object-keys.ts';
import { tagsOf } from '../core/object-tags.ts';
import type { BackupRun } from '../core/requests.ts';
import type { CaptureStream } from '../engines/engine.ts';
import { openEngine } from '../engines/open-engine.ts';
import { newDataKey } from '../keys/data-key.ts';
import { openKeyProvider } from '../keys/open-key-provider.ts';
import { sealManifest } from '../keys/seal.ts';
import { RateLimit } from '../pipeline/rate-limit.ts';
import { readManifest } from '../store/backups.ts';
import { type Lease, resumeLease } from '../store/lease.ts';
import { putJson } from '../store/text.ts';
import { holdfastVersion } from '../version.ts';
import { type BeginCapture, withBackupSource } from './backup-source.ts';
import { captureStream } from './capture-stream.ts';
import type { RunContext } from './context.ts';
import { keepLease } from './lease-keeper.ts';

/**
 * Takes one admitted backup from source to published manifest, and returns the manifest.
 *
 * Order, and what a crash after each step leaves: the lease is renewed, because waiting for capacity may have used up most of it (it runs
 * out by itself); data objects are written under a
 * prefix of this attempt's own (nobody lists them, so they are garbage and no backup); each is read back (R1); the lease is confirmed
 * again, so that a writer that stalled past its lease publishes nothing; the manifest is created, and only then is there a backup. A crash
 * after that, before anyone was told, leaves the whole backup: the next attempt of the same run finds it and has nothing to do.
 */
export async function runBackup(context: RunContext, run: BackupRun): Promise<Manifest> {
  const target = requireTarget(context.config, run.target);
  const lease = await resumeLease(context.store, leaseKey(run.target, run.method), {
    holder: run.execution,
    token: run.fencingToken,
    clock: context.clock,
  });
  const published = await publishedBefore(context, run);
  if (published !== undefined) return published;
  await lease.renew();

  const lost = new AbortController();
  const keeper = keepLease(lease, (error) => lost.abort(error));
  const held = { ...context, signal: AbortSignal.any([context.signal, lost.signal]) };
  try {
    const keys = await openKeyProvider(context.config.encryption);
    const dataKey = keys && newDataKey();
    const wrappedKey =
      keys && dataKey ? await keys.wrap(dataKey, { target: run.target, backupId: run.backupId }) : null;

    const beganAt = context.clock();
    const retentionDays = target.retentionDays[run.tier];
    return await withBackupSource(held, { engine: openEngine(run.engine), target, run }, async (begin) => {
      const captured = await captureAll(held, begin, { run, dataKey, retentionDays });
      requireSomethingKept(captured.streams);

      const until = new Date(beganAt.getTime() + retentionDays * 86_400_000);
      return publish(held, lease, dataKey, {
        formatVersion: formatVersionOf(captured.streams),
        backupId: run.backupId,
        target: run.target,
        engine: run.engine,
        method: run.method,
        tier: run.tier,
        tenant: run.tenant,
        parent: captured.parent,
        status: captured.streams.every(isWhole) ? 'complete' : 'partial',
        beganAt: beganAt.toISOString(),
        endedAt: context.clock().toISOString(),
        scheduledTime: run.scheduledTime,
        requestedBy: run.requestedBy,
        writer: {
          holdfast: holdfastVersion,
          image: context.image,
          execution: run.execution,
          attempt: context.attempt,
          fencingToken: lease.token,
        },
        source: captured.source,
        encryption: { algorithm: dataKey ? context.config.encryption.algorithm : 'none', wrappedKey },
        retention: { days: retentionDays, until: until.toISOString() },
        streams: captured.streams,
        plainBytes: sum(captured.streams, 'plainBytes'),
        storedBytes: sum(captured.streams, 'storedBytes'),
      });
    });
  } finally {
    await keeper.stop();
  }
}

type Captured = {
  readonly parent: Manifest['parent'];
  readonly source: Manifest['source'];
  readonly streams: StreamRecord[];
};

async function captureAll(
  context: RunContext,
  begin: BeginCapture,
  {
    run,
    dataKey,
    retentionDays,
  }: { readonly run: BackupRun; readonly dataKey: Buffer | null; readonly retentionDays: number },
): Promise<Captured> {
  // What ends one stream and the run with it ends the others, and all of them have ended before the run does.
  const ending = new AbortController();
  const held = { ...context, signal: AbortSignal.any([context.signal, ending.signal]) };
  const capture = await begin(held.signal);
  try {
    const limit = pLimit(context.config.run.parallelJobs);
    // One for all streams: the limit is what the source is to bear, however many are read from it at once.
    const rate = new RateLimit(context.config.run.rateLimitBytesPerSecond ?? 0);
    const one = async (stream: CaptureStream): Promise<StreamRecord> => {
      held.signal.throwIfAborted();
      const of = { target: run.target, backupId: run.backupId, dataKey, retentionDays, rate };
      const record = await captureStream(held, stream, of);
      if (record.error !== undefined && capture.isIndivisible) throw recordedFailure(record.error);
      return record;
    };
    const streams = await Promise.allSettled(
      capture.streams.map((stream) =>
        limit(one, stream).catch((error: unknown) => {
          ending.abort(error);
          throw error;
        }),
      ),
    );
    ending.signal.throwIfAborted();
    return {
      parent: capture.parent ?? null,
      source: capture.source,
      streams: streams.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
    };
  } finally {
    await capture.end();
  }
}

/** A stream that was read to its end and lacks nothing. */
const isWhole = ({ status, omissions }: StreamRecord): boolean => status === 'complete' && omissions === undefined;

/** A backup in which no database survived is a failed run, whatever roles it holds: the first reason is the run's. */
function requireSomethingKept(streams: readonly StreamRecord[]): void {
  if (streams.some(({ status, kind }) => status === 'complete' && !isCompanion({ kind }))) return;
  const first = streams.find(({ error }) => error !== undefined)?.error;
  if (first === undefined) throw new HoldfastError('dump-incomplete', 'the source gave nothing to back up');
  throw recordedFailure(first);
}

/** The error that a stream's record tells of. */
const recordedFailure = ({ code, message, hint }: NonNullable<StreamRecord['error']>): HoldfastError =>
  new HoldfastError(code as HoldfastError['code'], message, { hint });

async function publish(
  context: RunContext,
  lease: Lease,
  dataKey: Buffer | null,
  unsealed: Omit<Manifest, 'seal'>,
): Promise<Manifest> {
  context.report({ phase: 'publish' });
  context.signal.throwIfAborted();
  await lease.renew();
  const manifest = sealManifest(unsealed, dataKey);
  const key = manifestKey(manifest.target, manifest.backupId);
  const tags = tagsOf('manifest', manifest.retention.days);
  if (await putJson(context.store, key, manifest, { condition: 'absent', tags, signal: context.signal }))
    return manifest;

  // Either our own write arrived and its answer was lost, or another attempt of this run was first: then its backup is the run's.
  const published = await readManifest(context.store, manifest.target, manifest.backupId);
  if (published.writer.execution === manifest.writer.execution) return published;
  throw new HoldfastError(
    'lease-lost',
    `backup '${manifest.backupId}' was published by another execution ('${published.writer.execution}')`,
  );
}

/** What an earlier attempt of this run published before it died, if it came that far. */
async function publishedBefore({ store }: RunContext, { target, backupId }: BackupRun): Promise<Manifest | undefined> {
  try {
    return await readManifest(store, target, backupId);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'backup-unknown') return undefined;
    throw error;
  }
}

const sum = (streams: readonly StreamRecord[], field: 'plainBytes' | 'storedBytes'): number =>
  streams.reduce((total, stream) => total + stream[field], 0);

/** A partial backup as the failure that it also is, or undefined for a complete one. */
export function partialFailure(manifest: Manifest): HoldfastError | undefined {
  const failed = manifest.streams.filter(({ status }) => status === 'failed');
  const lacking = manifest.streams.flatMap(({ kind, name, omissions }) =>
    omissions === undefined ? [] : [{ part: `${kind} '${name}'`, ...omissions }],
  );
  if (failed.length === 0 && lacking.length === 0) return undefined;
  const ofLacking = lacking.flatMap(({ part, listed }) =>
    listed.map(({ item, reason }) => `'${item}' of ${part} ${reason}`),
  );
  const hint = `'holdfast show ${manifest.backupId}' lists what is missing and why; the rest can be restored`;
  if (failed.length === 0) {
    const count = lacking.reduce((total, one) => total + one.count, 0);
    return new HoldfastError(
      'partial',
      `${count} of the source's files were not as they were: ${firstFew(ofLacking)}`,
      {
        hint,
      },
    );
  }
  const reasons = failed.map(({ kind, name, error }) => `${kind} '${name}': ${error?.message ?? 'unknown'}`);
  return new HoldfastError(
    'partial',
    `${failed.length} of ${manifest.streams.length} parts failed: ${firstFew([...reasons, ...ofLacking])}`,
    { hint },
  );
}
