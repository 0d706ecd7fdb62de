import { HoldfastError } from '../../../core/errors.ts';
import type { StreamRecord } from '../../../core/manifest.ts';
import type { Server } from '../server.ts';

/** What keys and values of the streams take themselves, which is less than they will in a server. */
export const bytesOf = (records: readonly StreamRecord[]): number =>
  records.reduce(
    (sum, { content }) => sum + (content?.tables ?? []).reduce((total, table) => total + table.bytes, 0),
    0,
  );

/** Rejects with `preflight-failed` where a server could not take so many bytes more. */
export function requireRoom(server: Pick<Server, 'isReplica' | 'usedMemory' | 'maxMemory'>, bytes: number): void {
  if (server.isReplica)
    throw new HoldfastError('preflight-failed', "the server is a replica, which takes no keys but its primary's", {
      hint: 'restore into its primary',
    });
  const needed = server.usedMemory + bytes;
  if (server.maxMemory > 0 && needed > server.maxMemory)
    throw new HoldfastError(
      'preflight-failed',
      `the server's maxmemory is ${mebibytes(server.maxMemory)} MiB, and with the backup's keys it would hold ${mebibytes(needed)} MiB or more`,
      { hint: 'raise maxmemory: a server that is full evicts keys, or refuses them' },
    );
}

const mebibytes = (bytes: number): number => Math.ceil(bytes / 1024 ** 2);
