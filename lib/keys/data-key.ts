import { randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';

/** Which backup a data key belongs to. Bound to its wrapped form, so that one backup's key does not open in another's manifest. */
export type KeyContext = { readonly target: string; readonly backupId: string };

/** A new data key: 32 random bytes, for one backup only. */
export function newDataKey(): Buffer {
  return randomBytes(32);
}

/** The context as authenticated data: RFC 8785 JSON of its two names. */
export function contextBytes({ target, backupId }: KeyContext): Buffer {
  return Buffer.from(canonicalize({ target, backupId }) ?? '');
}
