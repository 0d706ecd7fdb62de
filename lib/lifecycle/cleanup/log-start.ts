import type { Manifest } from '../../core/manifest.ts';
import type { LogStart } from '../../core/retention/log-facts.ts';
import { isPhysical } from '../../engines/postgres/base/base-settings.ts';
import { logSpanOf } from '../../engines/postgres/recover/cluster-facts.ts';
import { segmentName } from '../../engines/postgres/replication/wal-segments.ts';

/**
 * From where on a backup needs its server's log: null when it needs none, as a dump; `unknown` when it is one of a whole server, and its
 * manifest does not say.
 */
export function logStartOf(
  { backupId, method, streams }: Pick<Manifest, 'backupId' | 'method' | 'streams'>,
  writtenAt: Date,
): LogStart | 'unknown' | null {
  if (!isPhysical(method)) return null;
  const span = logSpanOf({ streams });
  if (span === undefined) return 'unknown';
  const { systemIdentifier, timeline } = span;
  const position = segmentName(timeline, span.startLsn, span.segmentBytes).slice(8);
  return { backup: backupId, systemIdentifier, timeline, position, writtenAt: writtenAt.toISOString() };
}
