import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { DecryptionFailure } from './decryption-failure.ts';
import type { ObjectContext } from './object-context.ts';

/**
 * `aes-256-cbc`, encrypt-then-MAC, for readers who have nothing but OpenSSL. One object is
 *
 * | bytes | what |
 * | --- | --- |
 * | 0–7 | `HFAESCBC` |
 * | 8 | version, 1 |
 * | 9–15 | zero |
 * | 16–31 | initialisation vector, random |
 * | 32–63 | SHA-256 of the object's context, the text `target⏎backupId⏎stream⏎index` |
 * | 64 … n−33 | AES-256-CBC of the plain bytes with PKCS #7 padding |
 * | n−32 … n−1 | HMAC-SHA-256 of bytes 0 … n−33 |
 *
 * Both keys come from the data key by HKDF-SHA-256 without salt, their info being the labels below.
 */
const magic = Buffer.from('HFAESCBC');
const version = 1;
const headerBytes = 64;
const macBytes = 32;
const encryptionLabel = 'holdfast aes-256-cbc encryption';
const authenticationLabel = 'holdfast aes-256-cbc authentication';

const derive = (dataKey: Buffer, label: string): Buffer => Buffer.from(hkdfSync('sha256', dataKey, '', label, 32));

/** The stored bytes of an object in the format above. */
export async function* encryptCbc(
  plain: AsyncGenerator<Buffer>,
  dataKey: Buffer,
  context: ObjectContext,
): AsyncGenerator<Buffer> {
  const iv = randomBytes(16);
  const header = Buffer.concat([magic, Buffer.from([version, 0, 0, 0, 0, 0, 0, 0]), iv, contextDigest(context)]);
  const cipher = createCipheriv('aes-256-cbc', derive(dataKey, encryptionLabel), iv);
  const mac = createHmac('sha256', derive(dataKey, authenticationLabel));
  const authenticated = (bytes: Buffer): Buffer => {
    mac.update(bytes);
    return bytes;
  };
  yield authenticated(header);
  for await (const chunk of plain) yield authenticated(cipher.update(chunk));
  yield authenticated(cipher.final());
  yield mac.digest();
}

/**
 * The plain bytes of an object in the format above. The object is read twice: nothing is given out before its HMAC has been
 * checked over the whole, and what the second pass read is checked again at its end. Throws `DecryptionFailure`.
 */
export async function* decryptCbc(
  open: () => AsyncGenerator<Buffer>,
  dataKey: Buffer,
  context: ObjectContext,
): AsyncGenerator<Buffer> {
  for await (const _ of authenticate(open(), dataKey, context)) {
    // Only the check at the end is of interest here.
  }
  let decipher: ReturnType<typeof createDecipheriv> | undefined;
  for await (const { header, ciphertext } of authenticate(open(), dataKey, context)) {
    decipher ??= createDecipheriv('aes-256-cbc', derive(dataKey, encryptionLabel), header.subarray(16, 32));
    yield decipher.update(ciphertext);
  }
  if (decipher === undefined) throw new DecryptionFailure('bytes', 'the object has no ciphertext');
  yield decipher.final();
}

/** The object's ciphertext as it passes; ends normally only when header and HMAC are right. */
async function* authenticate(
  stored: AsyncGenerator<Buffer>,
  dataKey: Buffer,
  context: ObjectContext,
): AsyncGenerator<{ readonly header: Buffer; readonly ciphertext: Buffer }> {
  const mac = createHmac('sha256', derive(dataKey, authenticationLabel));
  let header: Buffer | undefined;
  // The last bytes seen are held back: they are the HMAC if nothing follows.
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of stored) {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    if (bytes.length < headerBytes + macBytes && header === undefined) {
      held = bytes;
      continue;
    }
    let start = 0;
    if (header === undefined) {
      header = Buffer.from(bytes.subarray(0, headerBytes));
      mac.update(header);
      start = headerBytes;
    }
    const end = Math.max(start, bytes.length - macBytes);
    const ciphertext = bytes.subarray(start, end);
    held = Buffer.from(bytes.subarray(end));
    mac.update(ciphertext);
    if (ciphertext.length > 0) yield { header, ciphertext };
  }
  if (header === undefined || held.length !== macBytes)
    throw new DecryptionFailure('bytes', 'the object is too short for its format');
  if (!timingSafeEqual(mac.digest(), held)) throw new DecryptionFailure('key', 'the HMAC differs');
  if (!header.subarray(0, 8).equals(magic) || header[8] !== version)
    throw new DecryptionFailure('bytes', 'the object is of another format or version');
  if (!header.subarray(32, 64).equals(contextDigest(context)))
    throw new DecryptionFailure('context', 'the object belongs elsewhere');
}

function contextDigest({ target, backupId, stream, index }: ObjectContext): Buffer {
  return createHash('sha256').update([target, backupId, stream, index].join('\n')).digest();
}
