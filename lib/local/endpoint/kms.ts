import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AwsError } from '../aws-error.ts';
import type { CallContext } from '../call-log.ts';
import { asJsonObject, type Json, type JsonObject } from '../json.ts';
import type { LocalKey } from '../model.ts';
import { type Operations, text } from './operation.ts';

/** Where the local KMS has its keys: whoever loses this folder loses every backup under them. */
export const localKeysFolder = (stateDirectory: string): string => join(stateDirectory, 'kms');

/**
 * KMS (AWS JSON 1.1) with keys in files of the state folder, mode 0600. A key's file is made at its first use and never changed:
 * without it nothing can be decrypted that was encrypted under it. Ciphertexts bind their encryption context.
 */
export function kmsOperations(keys: readonly LocalKey[], stateDirectory: string): Operations {
  const folder = localKeysFolder(stateDirectory);
  const find = (id: string): LocalKey => {
    const found = keys.find((key) => key.id === id || key.arn === id || key.aliases.includes(id));
    if (found === undefined) throw new AwsError('NotFoundException', `the key '${id}' does not exist`);
    return found;
  };
  const target = (input: JsonObject): LocalKey => find(text(input, 'KeyId'));
  const resource = (input: JsonObject): string => target(input).arn;
  const encrypt = (key: LocalKey, plaintext: Buffer, context: Json | undefined): string =>
    seal(key.id, material(folder, key.id), plaintext, context).toString('base64');

  return {
    DescribeKey: {
      action: 'kms:DescribeKey',
      resource,
      run: (input) => {
        const key = target(input);
        return {
          KeyMetadata: {
            KeyId: key.id,
            Arn: key.arn,
            Enabled: true,
            KeyState: 'Enabled',
            KeyUsage: 'ENCRYPT_DECRYPT',
            KeySpec: 'SYMMETRIC_DEFAULT',
            Origin: 'AWS_KMS',
            MultiRegion: false,
          },
        };
      },
    },
    Encrypt: {
      action: 'kms:Encrypt',
      resource,
      context: encryptionContext,
      run: (input) => {
        const key = target(input);
        const plaintext = Buffer.from(text(input, 'Plaintext'), 'base64');
        if (plaintext.length > 4096) throw new AwsError('ValidationException', 'at most 4096 bytes can be encrypted');
        return { KeyId: key.arn, CiphertextBlob: encrypt(key, plaintext, input['EncryptionContext']) };
      },
    },
    GenerateDataKey: {
      action: 'kms:GenerateDataKey',
      resource,
      context: encryptionContext,
      run: (input) => {
        const key = target(input);
        const sizeBytes = input['KeySpec'] === 'AES_128' ? 16 : Number(input['NumberOfBytes'] ?? 32);
        const plaintext = randomBytes(sizeBytes);
        return {
          KeyId: key.arn,
          Plaintext: plaintext.toString('base64'),
          CiphertextBlob: encrypt(key, plaintext, input['EncryptionContext']),
        };
      },
    },
    Decrypt: {
      action: 'kms:Decrypt',
      resource: (input) => keys.find(({ id }) => id === keyIdOf(blob(input)))?.arn ?? 'unknown',
      context: encryptionContext,
      run: (input) => {
        const key = find(keyIdOf(blob(input)));
        if (typeof input['KeyId'] === 'string' && find(input['KeyId']).id !== key.id)
          throw new AwsError('IncorrectKeyException', 'the ciphertext is of another key');
        const plaintext = open(material(folder, key.id), blob(input), input['EncryptionContext']);
        return { KeyId: key.arn, Plaintext: plaintext.toString('base64') };
      },
    },
  };
}

/** What `ciphertext` holds, by the key `keyId` of that state folder. Throws an `AwsError` when it is of another key, or altered. */
export function decryptLocally(stateDirectory: string, keyId: string, ciphertext: Buffer, context: Json): Buffer {
  if (keyIdOf(ciphertext) !== keyId) throw new AwsError('IncorrectKeyException', 'the ciphertext is of another key');
  return open(material(localKeysFolder(stateDirectory), keyId), ciphertext, context);
}

const version = 1;
const keyIdLength = 36;
const ivLength = 12;
const tagLength = 16;

function material(folder: string, keyId: string): Buffer {
  const file = join(folder, `${keyId}.key`);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Of two stacks that race, which cannot be, one would fail here rather than replace the other's key.
    writeFileSync(file, randomBytes(32), { mode: 0o600, flag: 'wx', flush: true });
  }
  const key = readFileSync(file);
  if (key.length !== 32)
    throw new AwsError('KMSInvalidStateException', `the key file of '${keyId}' does not hold 32 bytes`);
  return key;
}

function seal(keyId: string, key: Buffer, plaintext: Buffer, context: Json | undefined): Buffer {
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(contextBytes(context));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.from([version]), Buffer.from(keyId), iv, cipher.getAuthTag(), body]);
}

function open(key: Buffer, ciphertext: Buffer, context: Json | undefined): Buffer {
  const iv = ciphertext.subarray(1 + keyIdLength, 1 + keyIdLength + ivLength);
  const tag = ciphertext.subarray(1 + keyIdLength + ivLength, 1 + keyIdLength + ivLength + tagLength);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagLength })
      .setAAD(contextBytes(context))
      .setAuthTag(tag);
    return Buffer.concat([
      decipher.update(ciphertext.subarray(1 + keyIdLength + ivLength + tagLength)),
      decipher.final(),
    ]);
  } catch {
    throw new AwsError('InvalidCiphertextException', 'the ciphertext or its encryption context is not as it was');
  }
}

function blob(input: JsonObject): Buffer {
  const bytes = Buffer.from(text(input, 'CiphertextBlob'), 'base64');
  if (bytes[0] !== version || bytes.length <= 1 + keyIdLength + ivLength + tagLength)
    throw new AwsError('InvalidCiphertextException', 'the ciphertext was not made here');
  return bytes;
}

function keyIdOf(bytes: Buffer): string {
  return bytes.subarray(1, 1 + keyIdLength).toString('latin1');
}

/** The pairs as policies see them. */
function encryptionContext(input: JsonObject): CallContext {
  const pairs = Object.entries(asJsonObject(input['EncryptionContext']));
  return {
    'kms:EncryptionContextKeys': pairs.map(([name]) => name),
    ...Object.fromEntries(pairs.map(([name, value]) => [`kms:EncryptionContext:${name}`, String(value)])),
  };
}

/** The same context gives the same bytes, in whatever order its pairs come. */
function contextBytes(context: Json | undefined): Buffer {
  const pairs = Object.entries(asJsonObject(context)).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(JSON.stringify(pairs));
}
