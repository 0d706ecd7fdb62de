import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../core/errors.ts';
import type { WrappedKey } from '../core/manifest.ts';
import type { KeyProvider } from '../keys/key-provider.ts';
import { AwsError } from './aws-error.ts';
import { decryptLocally, localKeysFolder } from './endpoint/kms.ts';
import { localAccount } from './resources/resource.ts';

/** Was this wrapped by the KMS that a local stack plays? Its keys are of an account that AWS gives to nobody. */
export const isLocalKey = ({ provider, keyId }: WrappedKey): boolean =>
  provider === 'kms' && keyId.split(':')[4] === localAccount;

/**
 * Opens what the local stack's KMS has wrapped, from its key files in `stateDirectory` alone: no stack needs to run. It wraps nothing: the stack's
 * programs do that, through KMS.
 */
export function localKeyProvider(stateDirectory: string): KeyProvider {
  return {
    provider: 'kms',
    wrap: () => Promise.reject(new HoldfastError('internal', 'new keys are wrapped by the stack itself')),
    async unwrap({ keyId, ciphertext }, context) {
      const id = keyId.split('/').at(-1) ?? '';
      const file = join(localKeysFolder(stateDirectory), `${id}.key`);
      if (!existsSync(file)) {
        throw new HoldfastError('key-missing', `the key file '${file}' of the local stack's KMS is missing`, {
          hint: 'put the copy of it back in its place: it is made by the stack that took the backup, beside its configuration',
        });
      }
      try {
        return decryptLocally(stateDirectory, id, Buffer.from(ciphertext, 'base64'), { ...context });
      } catch (cause) {
        if (!(cause instanceof AwsError)) throw cause;
        throw new HoldfastError('key-wrong', `the key file '${file}' does not open the wrapped data key`, {
          hint: 'was the backup made by another stack? Its key has the same name, and is another',
          cause,
        });
      }
    },
  };
}
