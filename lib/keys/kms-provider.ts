import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { promptClient } from '../config/prompt-client.ts';
import { HoldfastError } from '../core/errors.ts';
import type { WrappedKey } from '../core/manifest.ts';
import type { KeyContext } from './data-key.ts';
import type { KeyProvider } from './key-provider.ts';

/**
 * Wraps data keys with a KMS key; target and backup id are the encryption context, so that they stand in CloudTrail and key
 * policies may name them. `kmsKey` is needed to wrap only: what was wrapped names its key.
 */
export function kmsKeyProvider(options: { readonly client?: KMSClient; readonly kmsKey?: string } = {}): KeyProvider {
  return new KmsKeyProvider(options.client ?? new KMSClient(promptClient()), options.kmsKey);
}

class KmsKeyProvider implements KeyProvider {
  readonly provider = 'kms';
  readonly #client: KMSClient;
  readonly #kmsKey: string | undefined;

  constructor(client: KMSClient, kmsKey: string | undefined) {
    this.#client = client;
    this.#kmsKey = kmsKey;
  }

  async wrap(dataKey: Buffer, context: KeyContext): Promise<WrappedKey> {
    const key = this.#kmsKey;
    if (key === undefined) {
      throw new HoldfastError('key-missing', 'no KMS key is configured', {
        hint: 'the Runtime stack sets HOLDFAST_KMS_KEY; elsewhere set encryption.kmsKey',
      });
    }
    const answer = await this.#client
      .send(new EncryptCommand({ KeyId: key, Plaintext: dataKey, EncryptionContext: { ...context } }))
      .catch((error: unknown) => {
        throw kmsError(error, key);
      });
    return {
      provider: 'kms',
      keyId: answer.KeyId ?? key,
      ciphertext: Buffer.from(answer.CiphertextBlob ?? []).toString('base64'),
    };
  }

  async unwrap({ keyId, ciphertext }: WrappedKey, context: KeyContext): Promise<Buffer> {
    const answer = await this.#client
      .send(
        new DecryptCommand({
          KeyId: keyId,
          CiphertextBlob: Buffer.from(ciphertext, 'base64'),
          EncryptionContext: { ...context },
        }),
      )
      .catch((error: unknown) => {
        throw kmsError(error, keyId);
      });
    return Buffer.from(answer.Plaintext ?? []);
  }
}

/** What an operator can do about each of KMS's own errors (API reference, Encrypt and Decrypt). Any other is worth another try. */
function kmsError(cause: unknown, key: string): HoldfastError {
  const name = cause instanceof Error ? cause.name : '';
  switch (name) {
    case 'DisabledException':
      return new HoldfastError('key-missing', `KMS key '${key}' is disabled`, {
        hint: `run: aws kms enable-key --key-id '${key}'`,
        cause,
      });
    case 'KMSInvalidStateException':
      return new HoldfastError('key-missing', `KMS key '${key}' is pending deletion or otherwise not usable`, {
        hint: `run NOW: aws kms cancel-key-deletion --key-id '${key}', then aws kms enable-key --key-id '${key}'; once it is deleted, every backup under it is lost`,
        cause,
      });
    case 'NotFoundException':
      return new HoldfastError('key-missing', `there is no KMS key '${key}'`, {
        hint: 'is this the right account and region? A key that was deleted cannot be brought back',
        cause,
      });
    case 'AccessDeniedException':
      return new HoldfastError('key-missing', `KMS key '${key}' may not be used by this role`, {
        hint: "does the key's policy, and this role's, allow kms:Encrypt and kms:Decrypt with the encryption context target and backupId?",
        cause,
      });
    case 'InvalidKeyUsageException':
      return new HoldfastError('key-missing', `KMS key '${key}' is not a symmetric key for encryption`, { cause });
    case 'CredentialsProviderError':
    case 'UnrecognizedClientException':
    case 'InvalidClientTokenId':
      return new HoldfastError('key-missing', `there are no valid credentials to ask for KMS key '${key}'`, {
        hint: 'does this task have its role, or the environment its profile?',
        cause,
      });
    case 'InvalidCiphertextException':
    case 'IncorrectKeyException':
      return new HoldfastError('key-wrong', `KMS key '${key}' does not open the wrapped data key`, {
        hint: 'was the manifest altered, or copied from another backup or account?',
        cause,
      });
    default:
      return new HoldfastError('key-service-unavailable', `KMS did not answer for key '${key}'`, { cause });
  }
}
