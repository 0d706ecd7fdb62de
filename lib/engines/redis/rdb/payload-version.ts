import { isAtLeast, type Server } from '../server.ts';
import { firstValkeyVersion, rdbType } from './types.ts';

/**
 * The format version under which a server takes a value of that RDB type by RESTORE, or undefined when it does not know the type; `source` is the
 * version of the file, since Redis and Valkey number their later types alike and mean others. A value is laid
 * out the same in every version that has its type, so the oldest of them is claimed, and older servers take what newer ones wrote.
 */
export function payloadVersion(
  { type, source }: { readonly type: number; readonly source: number },
  server: Pick<Server, 'product' | 'major' | 'minor'>,
): number | undefined {
  const version = rdbVersionOf(server);
  const known = rdbType(type, source);
  if (!known || known.since > version || rdbType(type, version)?.layout !== known.layout) return undefined;
  // Valkey refuses what parted from it: the versions between Redis 7.2's and its own.
  return Math.max(known.since, 9);
}

/** The newest format version that the server reads. */
export function rdbVersionOf(server: Pick<Server, 'product' | 'major' | 'minor'>): number {
  if (server.product === 'Valkey') return isAtLeast(server, 9) ? firstValkeyVersion : 11;
  if (isAtLeast(server, 7, 4)) return 12;
  if (isAtLeast(server, 7, 2)) return 11;
  return isAtLeast(server, 7) ? 10 : 9;
}
