import { randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { WrappedKey } from '../core/manifest.ts';

/** Which backup a data key belongs to. Bound to its wrapped form, so that one backup's key does not open in another's manifest. */
export type KeyContext = { readonly target: string; readonly backupId: string };

/** Who keeps the key that wraps data keys. Both calls may be repeated; neither logs or stores anything. */
export interface KeyProvider {
  readonly provider: WrappedKey['provider'];

  /** The data key's wrapped form, for the manifest. Rejects with `key-missing` or `key-service-unavailable`. */
  wrap(dataKey: Buffer, context: KeyContext): Promise<WrappedKey>;

  /**
   * The data key itself. Rejects with `key-missing` when the wrapping key is not at hand, `key-wrong` when it is another or
   * the wrapped form was altered, `key-service-unavailable` when trying again may help.
   */
  unwrap(wrapped: WrappedKey, context: KeyContext): Promise<Buffer>;
}

/** A new data key: 32 random bytes, for one backup only. */
export function newDataKey(): Buffer {
  return randomBytes(32);
}

/** The context as authenticated data: RFC 8785 JSON of its two names. */
export function contextBytes({ target, backupId }: KeyContext): Buffer {
  return Buffer.from(canonicalize({ target, backupId }) ?? '');
}
