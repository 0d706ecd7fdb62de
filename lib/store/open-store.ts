import { HoldfastError } from '../core/errors.ts';
import type { S3Settings, S3Tuning } from './s3-connection.ts';
import type { Store } from './store.ts';

/** Where a store is: the configuration's `store`, and credentials where the SDK's own chain is not to look for them. */
export type StoreSettings =
  | ({ readonly kind: 's3'; readonly bucket?: string | undefined } & Omit<S3Settings, 'bucket'>)
  | { readonly kind: 'file'; readonly path: string };

/**
 * The store that `settings` name. Throws `config-invalid` when it is a folder that does not exist, or no bucket is named; no
 * request is made yet. `tuning` concerns S3 only.
 */
export async function openStore(settings: StoreSettings, tuning: S3Tuning = {}): Promise<Store> {
  // Loaded when needed: the S3 client takes longer to load than a command's --help may take.
  if (settings.kind === 'file') return await (await import('./directory-store.ts')).openDirectoryStore(settings.path);
  const { bucket } = settings;
  if (bucket === undefined) {
    throw new HoldfastError('config-invalid', 'the store names no bucket', {
      hint: 'set store.bucket, or AWS_S3_BUCKET, to an existing bucket',
    });
  }
  return (await import('./s3-store.ts')).openS3Store({ ...settings, bucket }, tuning);
}
