import { type Manifest, manifestSchema } from '../../lib/core/manifest.ts';
import type { Method } from '../../lib/core/vocabulary.ts';

/** A manifest of target `orders`: two databases, of which the second failed when the backup is partial. */
export function manifestOf({
  backupId,
  status = 'complete',
  method = 'logical',
}: {
  readonly backupId: string;
  readonly status?: 'complete' | 'partial';
  readonly method?: Method;
}): Manifest {
  const times = { beganAt: '2026-11-21T02:00:10.000Z', endedAt: '2026-11-21T02:04:40.000Z' };
  const stream = (name: string, streamStatus: 'complete' | 'failed') => ({
    stream: name,
    kind: 'database',
    name,
    format: 'pg_dump-custom',
    status: streamStatus,
    ...times,
    compression: 'zstd',
    plainBytes: 500,
    storedBytes: 125,
    objects: [],
    facts: {},
  });
  return manifestSchema.parse({
    formatVersion: 1,
    backupId,
    target: 'orders',
    engine: 'postgres',
    method,
    tier: 'daily',
    tenant: null,
    parent: null,
    status,
    ...times,
    scheduledTime: null,
    requestedBy: { kind: 'user', name: 'anna' },
    writer: { holdfast: '0.1.0', image: 'local', execution: 'by-hand', attempt: 'a1b2', fencingToken: 3 },
    source: {},
    encryption: { algorithm: 'none', wrappedKey: null },
    retention: { days: 7, until: '2026-11-28T02:04:40.000Z' },
    streams: [stream('orders', 'complete'), stream('billing', status === 'partial' ? 'failed' : 'complete')],
    plainBytes: 1000,
    storedBytes: 250,
    seal: '0'.repeat(64),
  });
}
