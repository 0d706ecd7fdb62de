import { HoldfastError } from '../../../core/errors.ts';
import type { StreamRecord } from '../../../core/manifest.ts';
import type { Server } from '../server.ts';

/** Rejects with `preflight-failed` where a server could not take what is to be restored. */
export function requireRoom(server: Server, records: readonly StreamRecord[]): void {
  if (server.isReplica)
    throw new HoldfastError('preflight-failed', "the server is a replica, which takes no keys but its primary's", {
      hint: 'restore into its primary',
    });
  const bytes = records.reduce(
    (sum, { content }) => sum + (content?.tables ?? []).reduce((total, table) => total + table.bytes, 0),
    0,
  );
  // What keys and values take themselves, which is less than they will.
  const needed = server.usedMemory + bytes;
  if (server.maxMemory > 0 && needed > server.maxMemory)
    throw new HoldfastError(
      'preflight-failed',
      `the server's maxmemory is ${mebibytes(server.maxMemory)} MiB, and with the backup's keys it would hold ${mebibytes(needed)} MiB or more`,
      { hint: 'raise maxmemory: a server that is full evicts keys, or refuses them' },
    );
}

const mebibytes = (bytes: number): number => Math.ceil(bytes / 1024 ** 2);
