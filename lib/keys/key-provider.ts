import type { WrappedKey } from '../core/manifest.ts';
import type { KeyContext } from './data-key.ts';

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
