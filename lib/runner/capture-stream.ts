import { describeError, HoldfastError } from '../core/errors.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import type { StreamRecord } from '../core/manifest.ts';
import { dataKey as dataObjectKey } from '../core/object-keys.ts';
import { tagsOf } from '../core/object-tags.ts';
import type { CaptureStream } from '../engines/engine.ts';
import { sealFacts } from '../keys/sealed-facts.ts';
import { freedAfterUse } from '../pipeline/free-memory.ts';
import { ProgressMeter } from '../pipeline/progress-meter.ts';
import type { RateLimit } from '../pipeline/rate-limit.ts';
import { readBackStream } from '../pipeline/read-back.ts';
import type { PipelineSettings } from '../pipeline/settings.ts';
import { type WrittenStream, writeStream } from '../pipeline/write-stream.ts';
import type { RunContext } from './context.ts';
import { configuredPipeline } from './settings.ts';

type Backup = {
  readonly target: TargetName;
  readonly backupId: BackupId;
  readonly dataKey: Buffer | null;
  readonly retentionDays: number;
  /** What all streams of the backup may read together. */
  readonly rate: RateLimit;
};

/**
 * Reads one stream from its source to the store and back again. Never rejects for a fault of the stream itself: that becomes a record
 * with status `failed`, so that the others are kept. Rejects when the run as a whole has to end (stopped, lease lost, store gone).
 */
export async function captureStream(context: RunContext, stream: CaptureStream, backup: Backup): Promise<StreamRecord> {
  const settings = objectsOf(stream, configuredPipeline(context.config));
  const beganAt = context.clock().toISOString();
  const identity = { stream: stream.stream, kind: stream.kind, name: stream.name, format: stream.format };
  try {
    const { written, ...described } = await write(context, stream, backup, settings);
    if (context.config.run.validation) await readBack(context, stream, written, backup, settings);
    return {
      ...identity,
      status: 'complete',
      beganAt,
      endedAt: context.clock().toISOString(),
      compression: settings.compression,
      ...described,
    };
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    if (error instanceof HoldfastError && endsTheRun.has(error.code)) throw error;
    return {
      ...identity,
      status: 'failed',
      error: describeError(error),
      beganAt,
      endedAt: context.clock().toISOString(),
      compression: settings.compression,
      plainBytes: 0,
      storedBytes: 0,
      objects: [],
      facts: {},
    };
  }
}

/** Faults that the next stream would meet as well. */
const endsTheRun: ReadonlySet<HoldfastError['code']> = new Set([
  'store-unavailable',
  'store-denied',
  'lease-lost',
  'stopped',
  'deadline',
  'internal',
]);

type Written = Pick<
  StreamRecord,
  | 'plainBytes'
  | 'plainSha256'
  | 'storedBytes'
  | 'objects'
  | 'content'
  | 'facts'
  | 'sealedFacts'
  | 'omissions'
  | 'remarks'
> & { readonly written: WrittenStream };

/** Objects as the configuration has them, or smaller where parts of the stream are to be read alone. */
function objectsOf({ objectBytes }: CaptureStream, settings: PipelineSettings): PipelineSettings {
  return objectBytes === undefined
    ? settings
    : { ...settings, objectBytes: Math.min(objectBytes, settings.objectBytes) };
}

async function write(
  context: RunContext,
  stream: CaptureStream,
  backup: Backup,
  settings: PipelineSettings,
): Promise<Written> {
  const meter = new ProgressMeter({ expectedBytes: stream.expectedBytes });
  const source = await stream.open();
  const written = await writeStream({
    store: context.store,
    keyOf: (index) => dataObjectKey(backup.target, backup.backupId, context.attempt, stream.stream, index),
    // Blocks are filled with copies of what the tool's pipe gave.
    source: freedAfterUse(source.bytes),
    settings,
    rate: backup.rate,
    dataKey: backup.dataKey,
    context: { target: backup.target, backupId: backup.backupId, stream: stream.stream },
    tags: tagsOf('data', backup.retentionDays),
    isSummed: stream.isSummed ?? false,
    isProved: context.config.run.validation,
    signal: context.signal,
    onProgress: ({ plainBytes: bytes, storedBytes: stored }) =>
      context.report({ phase: 'capture', detail: stream.name, storedBytes: stored, ...meter.update(bytes) }),
  });
  const { content, facts, secretFacts, omissions, remarks } = source.result();
  const { objects, plainBytes, plainSha256, storedBytes } = written;
  return {
    written,
    objects: [...objects],
    plainBytes,
    ...(plainSha256 !== undefined && { plainSha256 }),
    storedBytes,
    content,
    ...(omissions && { omissions }),
    ...(remarks && { remarks: [...remarks] }),
    ...withSecrets(facts, secretFacts, backup, stream.stream),
  };
}

function withSecrets(
  facts: StreamRecord['facts'],
  secretFacts: StreamRecord['facts'] | undefined,
  { target, backupId, dataKey }: Backup,
  stream: string,
): Pick<StreamRecord, 'facts' | 'sealedFacts'> {
  if (secretFacts === undefined) return { facts };
  if (dataKey === null) return { facts: { ...facts, ...secretFacts } };
  return { facts, sealedFacts: sealFacts(secretFacts, dataKey, { target, backupId, stream }) };
}

/**
 * R1: what the store gives back is what was written, and decrypts to the frames that were proved on their way. The format was proved on the plain
 * bytes as they passed to the store; that each frame gives its block back carries the proof over, without parsing them twice.
 */
async function readBack(
  context: RunContext,
  { stream, name }: CaptureStream,
  written: WrittenStream,
  { target, backupId, dataKey }: Backup,
  { algorithm }: PipelineSettings,
): Promise<void> {
  const meter = new ProgressMeter({ expectedBytes: written.storedBytes });
  await readBackStream({
    store: context.store,
    written,
    algorithm,
    dataKey,
    context: { target, backupId, stream },
    signal: context.signal,
    onProgress: ({ storedBytes }) => context.report({ phase: 'read back', detail: name, ...meter.update(storedBytes) }),
  }).catch((error: unknown) => {
    if (!(error instanceof HoldfastError) || error.code !== 'key-wrong') throw error;
    // The key is the one of a moment ago: what does not open under it is another message than was written.
    throw new HoldfastError('corrupt', `what the store gave back does not open: ${error.message}`, { cause: error });
  });
}
