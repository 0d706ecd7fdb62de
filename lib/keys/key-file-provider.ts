import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import type { WrappedKey } from '../core/manifest.ts';
import { contextBytes, type KeyContext } from './data-key.ts';
import { type FileKey, readKeyFile } from './key-file.ts';
import type { KeyProvider } from './key-provider.ts';

const nonceBytes = 12;
const tagBytes = 16;

/** Wraps data keys with the first key of a key file, and opens what any key in it has wrapped. Rejects as `readKeyFile` does. */
export async function openKeyFileProvider(path: string): Promise<KeyProvider> {
  return new KeyFileProvider(path, await readKeyFile(path));
}

/** `ciphertext` is nonce (12 bytes), AES-256-GCM of the data key (32) and tag (16), with the context as authenticated data. */
class KeyFileProvider implements KeyProvider {
  readonly provider = 'key-file';
  readonly #path: string;
  readonly #keys: readonly [FileKey, ...FileKey[]];

  constructor(path: string, keys: readonly [FileKey, ...FileKey[]]) {
    this.#path = path;
    this.#keys = keys;
  }

  async wrap(dataKey: Buffer, context: KeyContext): Promise<WrappedKey> {
    const [{ id, key }] = this.#keys;
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(contextBytes(context));
    const ciphertext = Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
    return { provider: 'key-file', keyId: id, ciphertext: ciphertext.toString('base64') };
  }

  async unwrap({ keyId, ciphertext }: WrappedKey, context: KeyContext): Promise<Buffer> {
    const found = this.#keys.find(({ id }) => id === keyId);
    const backup = `'${context.target}/${context.backupId}'`;
    if (found === undefined) {
      const held = this.#keys.map(({ id }) => `'${id}'`).join(', ');
      throw new HoldfastError(
        'key-wrong',
        `backup ${backup} was encrypted under key '${keyId}', but key file '${this.#path}' holds ${held}`,
      );
    }
    const bytes = Buffer.from(ciphertext, 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', found.key, bytes.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAAD(contextBytes(context)).setAuthTag(bytes.subarray(-tagBytes));
      return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
    } catch (cause) {
      throw new HoldfastError('key-wrong', `key '${keyId}' does not open the wrapped data key of backup ${backup}`, {
        hint: 'was the manifest altered, or copied from another backup?',
        cause,
      });
    }
  }
}
