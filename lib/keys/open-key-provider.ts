import { HoldfastError } from '../core/errors.ts';
import type { WrappedKey } from '../core/manifest.ts';
import type { KeyProvider } from './key-provider.ts';

/** The `encryption` section of the configuration, as far as keys go. */
export type KeySettings = {
  readonly keys: 'kms' | 'key-file' | 'none';
  readonly keyFile?: string | undefined;
  readonly kmsKey?: string | undefined;
};

/** Who wraps the keys of new backups, or null when they are not encrypted. Rejects as the providers do. */
export async function openKeyProvider(settings: KeySettings): Promise<KeyProvider | null> {
  return settings.keys === 'none' ? null : await openProvider(settings.keys, settings);
}

/** Who can open `wrapped`, whatever new backups use by now: a store outlives its settings. */
export async function openKeyProviderOf(wrapped: WrappedKey, settings: KeySettings): Promise<KeyProvider> {
  return await openProvider(wrapped.provider, settings);
}

async function openProvider(provider: WrappedKey['provider'], settings: KeySettings): Promise<KeyProvider> {
  // Loaded when needed: the KMS client alone takes longer to load than most commands take to run.
  if (provider === 'kms') {
    const { kmsKeyProvider } = await import('./kms-provider.ts');
    return kmsKeyProvider(settings.kmsKey === undefined ? {} : { kmsKey: settings.kmsKey });
  }
  if (settings.keyFile === undefined) {
    throw new HoldfastError('key-missing', 'the key is in a key file, but no key file is configured', {
      hint: 'name its place with encryption.keyFile',
    });
  }
  const { openKeyFileProvider } = await import('./key-file-provider.ts');
  return await openKeyFileProvider(settings.keyFile);
}
