import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { historyName } from '../replication/wal-segments.ts';
import type { DataFolder } from './data-folder.ts';

/**
 * Has the cluster archive how its new timeline came to be, as soon as it archives at all. A server does so when it is promoted; this one was while
 * it archived nothing, and without that file nobody finds the way from older backups to what comes now.
 */
export function announceHistory({ path: folder, account }: DataFolder, timeline: number): void {
  const status = path.join(folder, 'pg_wal', 'archive_status');
  const ready = path.join(status, `${historyName(timeline)}.ready`);
  mkdirSync(status, { recursive: true, mode: 0o700 });
  writeFileSync(ready, '', { mode: 0o600 });
  if (account) for (const one of [status, ready]) chownSync(one, account.uid, account.gid);
}
