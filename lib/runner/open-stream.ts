import type { StreamRecord } from '../core/manifest.ts';
import { ProgressMeter } from '../pipeline/progress-meter.ts';
import { type ReadStreamOptions, readStream } from '../pipeline/read-stream.ts';
import type { RunContext } from './context.ts';
import type { OpenBackup } from './open-backup.ts';

/** What it takes to read a stream of a backup, with progress told under `phase`. */
export function readOptions(
  context: RunContext,
  { manifest, dataKey }: OpenBackup,
  record: StreamRecord,
  phase: string,
): ReadStreamOptions {
  const meter = new ProgressMeter({ expectedBytes: record.plainBytes });
  return {
    store: context.store,
    objects: record.objects,
    compression: record.compression,
    algorithm: manifest.encryption.algorithm,
    dataKey,
    context: { target: manifest.target, backupId: manifest.backupId, stream: record.stream },
    signal: context.signal,
    onProgress: ({ plainBytes }) => context.report({ phase, detail: record.name, ...meter.update(plainBytes) }),
  };
}

/** The plain bytes of a stream, proved as `readStream` says. */
export function openStream(
  context: RunContext,
  backup: OpenBackup,
  record: StreamRecord,
  phase: string,
): AsyncGenerator<Buffer> {
  return readStream(readOptions(context, backup, record, phase));
}
