import type { BackupId } from '../core/ids.ts';
import type { BackupReader } from '../engines/engine.ts';
import { readStream } from '../pipeline/read-stream.ts';
import type { RunContext } from './context.ts';
import { type OpenBackup, openBackup } from './open-backup.ts';
import { readOptions } from './open-stream.ts';

/** Reads a backup, and those that it builds on, for an engine. Each is opened once: its manifest proved, its key unwrapped. */
export function openReader(context: RunContext, backup: OpenBackup): BackupReader {
  const { target, backupId } = backup.manifest;
  const opened = new Map<BackupId, Promise<OpenBackup>>([[backupId, Promise.resolve(backup)]]);
  const open = (id: BackupId): Promise<OpenBackup> => {
    const known = opened.get(id) ?? openBackup(context, target, id);
    opened.set(id, known);
    return known;
  };
  return {
    manifest: backup.manifest,
    ancestor: async (id) => (await open(id)).manifest,
    async *read(id, record, objects) {
      const options = readOptions(context, await open(id), record, 'read');
      const { first, last } = objects ?? { first: 0, last: record.objects.length - 1 };
      yield* readStream({ ...options, objects: record.objects.slice(first, last + 1), firstObject: first });
    },
  };
}
