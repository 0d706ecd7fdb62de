/** Why an object cannot be decrypted, as far as the object alone can tell; `read-object.ts` turns it into an error for users. */
export class DecryptionFailure extends Error {
  /** `key`: the key does not open it, or what would tell is damaged. `bytes`: the key does, the content is damaged. `context`: it is another object. */
  readonly reason: 'key' | 'bytes' | 'context';

  constructor(reason: 'key' | 'bytes' | 'context', message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
