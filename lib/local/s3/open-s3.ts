import type { HoldfastConfig } from '../../config/config.ts';
import type { CallLog } from '../call-log.ts';
import type { Identities } from '../identities.ts';
import type { S3Gateway } from './gateway.ts';

/** The gateway to the store's S3 server; undefined when the store is a folder. Loaded when it is needed: the S3 client takes longer to load than the rest of the stack. */
export async function openS3(
  { store, aws }: Pick<HoldfastConfig, 'store' | 'aws'>,
  identities: Identities,
  calls: CallLog,
): Promise<S3Gateway | undefined> {
  if (store.kind !== 's3') return undefined;
  const { openS3Gateway } = await import('./gateway.ts');
  return openS3Gateway({ store, region: aws.region, identities, calls });
}
