import type { EncryptionAlgorithm } from '../core/vocabulary.ts';
import { decryptCbc, encryptCbc } from './aes-cbc.ts';
import { DecryptionFailure } from './decryption-failure.ts';
import { decryptMessage, encryptMessage } from './message.ts';
import type { ObjectContext } from './object-context.ts';

/** The stored bytes of an object with the plain bytes `plain`. The chunks may be used again as soon as the next one is asked for. */
export function encryptObject(
  plain: AsyncGenerator<Buffer>,
  algorithm: EncryptionAlgorithm,
  dataKey: Buffer | null,
  context: ObjectContext,
): AsyncGenerator<Buffer> {
  switch (algorithm) {
    case 'aes-256-gcm':
      return encryptMessage(plain, presentKey(dataKey), context);
    case 'aes-256-cbc':
      return encryptCbc(plain, presentKey(dataKey), context);
    case 'none':
      return plain;
  }
}

/**
 * The plain bytes of an object that `open` reads from its beginning, every time it is called. No byte is given out that has
 * not been authenticated: GCM does so frame by frame, CBC reads the whole object once before. Throws `DecryptionFailure`.
 */
export function decryptObject(
  open: () => AsyncGenerator<Buffer>,
  algorithm: EncryptionAlgorithm,
  dataKey: Buffer | null,
  context: ObjectContext,
): AsyncGenerator<Buffer> {
  switch (algorithm) {
    case 'aes-256-gcm':
      return decryptMessage(open(), presentKey(dataKey), context);
    case 'aes-256-cbc':
      return decryptCbc(open, presentKey(dataKey), context);
    case 'none':
      return open();
  }
}

function presentKey(dataKey: Buffer | null): Buffer {
  if (dataKey === null) throw new DecryptionFailure('key', 'there is no data key');
  return dataKey;
}
