import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buildDecrypt } from '@aws-crypto/decrypt-node';
import { buildEncrypt } from '@aws-crypto/encrypt-node';
import {
  AlgorithmSuiteIdentifier,
  CommitmentPolicy,
  type EncryptionContext,
} from '@aws-crypto/material-management-node';
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from '@aws-crypto/raw-aes-keyring-node';
import { DecryptionFailure } from './decryption-failure.ts';
import type { ObjectContext } from './object-context.ts';
import { messageFrameBytes } from './settings.ts';

/** The raw AES keyring's namespace; its key name is the backup's id. Readers with other tools need both. */
const keyNamespace = 'holdfast';

const policy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT;
const { encryptStream } = buildEncrypt({ commitmentPolicy: policy, maxEncryptedDataKeys: 1 });
const { decryptUnsignedMessageStream } = buildDecrypt({ commitmentPolicy: policy, maxEncryptedDataKeys: 1 });

/** An object as one AWS Encryption SDK message with key commitment and without a signature, in frames of 1 MiB. */
export async function* encryptMessage(
  plain: AsyncGenerator<Buffer>,
  dataKey: Buffer,
  context: ObjectContext,
): AsyncGenerator<Buffer> {
  const message = encryptStream(keyringOf(dataKey, context), {
    suiteId: AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY,
    encryptionContext: encryptionContextOf(context),
    frameLength: messageFrameBytes,
  });
  // Destroyed before its end, the library's stream throws where nobody can catch it, and that ends the process. So it is always
  // brought to its end, behind a stream that may be left, and what nobody wants any more is read away.
  const bytes = message.pipe(new PassThrough());
  message.once('error', (error) => bytes.destroy(error));
  let isLeft = false;
  let sourceFailure: { readonly error: unknown } | undefined;
  const feeding = pipeline(async function* () {
    try {
      for await (const chunk of plain) {
        if (isLeft) return;
        yield chunk;
      }
    } catch (error) {
      sourceFailure = { error };
    }
  }, message);
  feeding.catch(() => undefined);
  try {
    for await (const chunk of bytes) if (sourceFailure === undefined) yield chunk as Buffer;
    await feeding;
    if (sourceFailure !== undefined) throw sourceFailure.error;
  } finally {
    isLeft = true;
    message.unpipe(bytes);
    message.resume();
    bytes.destroy();
    await feeding.catch(() => undefined);
  }
}

/** The plain bytes of a message; each frame is authenticated before its bytes are given out. Throws `DecryptionFailure`. */
export async function* decryptMessage(
  stored: AsyncGenerator<Buffer>,
  dataKey: Buffer,
  context: ObjectContext,
): AsyncGenerator<Buffer> {
  const message = decryptUnsignedMessageStream(keyringOf(dataKey, context));
  let isOpened = false;
  let refusal: DecryptionFailure | undefined;
  message.once('MessageHeader', (header: { readonly encryptionContext: Readonly<EncryptionContext> }) => {
    isOpened = true;
    if (sameContext(header.encryptionContext, encryptionContextOf(context))) return;
    refusal = new DecryptionFailure('context', 'the message belongs to another object');
    message.destroy(refusal);
  });
  let sourceFailure: { readonly error: unknown } | undefined;
  const feeding = pipeline(async function* () {
    try {
      yield* stored;
    } catch (error) {
      sourceFailure = { error };
      throw error;
    }
  }, message);
  feeding.catch(() => undefined);
  try {
    for await (const chunk of message) yield chunk as Buffer;
    await feeding;
  } catch (error) {
    if (sourceFailure !== undefined) throw sourceFailure.error;
    // The library may go on for a moment after it was stopped, and complain of that.
    if (refusal !== undefined) throw refusal;
    throw new DecryptionFailure(isOpened ? 'bytes' : 'key', 'the message does not decrypt', { cause: error });
  } finally {
    message.destroy();
    await feeding.catch(() => undefined);
  }
}

/** What is bound to the message as its encryption context, in clear in its header. */
function encryptionContextOf({ target, backupId, stream, index }: ObjectContext): EncryptionContext {
  return { target, backupId, stream, object: String(index) };
}

function sameContext(actual: Readonly<EncryptionContext>, expected: EncryptionContext): boolean {
  const names = Object.keys(expected);
  return Object.keys(actual).length === names.length && names.every((name) => actual[name] === expected[name]);
}

function keyringOf(dataKey: Buffer, { backupId }: ObjectContext): RawAesKeyringNode {
  return new RawAesKeyringNode({
    keyNamespace,
    keyName: backupId,
    // A copy of its own: the library insists on a key that does not share its memory with anything else.
    unencryptedMasterKey: new Uint8Array(dataKey),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });
}
