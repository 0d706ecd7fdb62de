import { existsSync } from 'node:fs';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { promptClient } from '../config/prompt-client.ts';
import { describeError } from '../core/errors.ts';
import { readKeyFile } from './key-file.ts';
import type { KeySettings } from './open-key-provider.ts';

/** Can the key wrap and unwrap? `undefined` when backups are not encrypted, or the key is not of this machine; otherwise why it cannot. */
export type KeyState = { readonly isUsable: true } | { readonly isUsable: false; readonly why: string } | undefined;

/** What is known of the key without using it. Rejects when KMS cannot be asked. */
export async function keyState(settings: KeySettings, client?: KMSClient): Promise<KeyState> {
  if (settings.keys === 'kms' && settings.kmsKey !== undefined) return stateInKms(settings.kmsKey, client);
  if (settings.keys !== 'key-file' || settings.keyFile === undefined) return undefined;
  if (!existsSync(settings.keyFile)) return { isUsable: false, why: `the key file '${settings.keyFile}' is not there` };
  return readKeyFile(settings.keyFile).then(
    () => ({ isUsable: true }),
    (error: unknown) => ({ isUsable: false, why: describeError(error).message }),
  );
}

async function stateInKms(key: string, client = new KMSClient(promptClient())): Promise<KeyState> {
  try {
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: key }));
    const state = KeyMetadata?.KeyState ?? 'Unavailable';
    if (state === 'Enabled') return { isUsable: true };
    const until =
      KeyMetadata?.DeletionDate === undefined ? '' : `, and gone for good at ${KeyMetadata.DeletionDate.toISOString()}`;
    return { isUsable: false, why: `the KMS key '${key}' is in the state '${state}'${until}` };
  } catch (error) {
    if (error instanceof Error && error.name === 'NotFoundException')
      return { isUsable: false, why: `there is no KMS key '${key}'` };
    throw error;
  }
}
