import type { Manifest } from '../../lib/core/manifest.ts';
import { openBackup } from '../../lib/runner/open-backup.ts';
import { openStream } from '../../lib/runner/open-stream.ts';
import type { Saved } from '../engines/saved-streams.ts';
import type { Installation } from './installation.ts';

/** The streams of the backup as the store gives them back, by the names of their sources. */
export async function readBack(
  installation: Installation,
  { target, backupId }: Manifest,
): Promise<Map<string, Saved>> {
  return installation.within(async (context) => {
    const backup = await openBackup(context, target, backupId);
    const saved = new Map<string, Saved>();
    for (const record of backup.manifest.streams) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of openStream(context, backup, record, 'restore')) chunks.push(Buffer.from(chunk));
      saved.set(record.name, { record, bytes: Buffer.concat(chunks) });
    }
    return saved;
  });
}
