import { Duration } from 'aws-cdk-lib';
import { type LifecycleRule, StorageClass, type Transition } from 'aws-cdk-lib/aws-s3';
import { prefixes } from '../core/object-keys.ts';
import { objectTags, tagsOf } from '../core/object-tags.ts';

/** An expired or replaced version can be brought back for this long. */
export const noncurrentDays = 30;

/**
 * Rules for backups kept for each of `retentionDays`, and for everything else in the vault.
 *
 * S3 expires by age and tag, and knows nothing of holds, of chains, of the only good backup that is left. So it never decides: no rule
 * expires what a manifest names, however old, and a month of failed backups costs nothing that is there. What expires is what a cleanup
 * has removed the manifest of, and could not remove itself because of a lock: it bears a tag that only a keeper can give.
 *
 * What S3 does by age is to move data to colder classes. Both read at once, because validation and restores do not wait for a thaw. S3 moves an
 * object to Infrequent Access after 30 days at the earliest, and bills Infrequent Access for 30 days and Glacier Instant Retrieval for 90
 * however long an object stays.
 */
export function lifecycleRules(retentionDays: readonly number[], prefix: string): LifecycleRule[] {
  const distinct = [...new Set(retentionDays)].sort((a, b) => a - b);
  return [
    {
      id: 'abandoned-uploads',
      abortIncompleteMultipartUploadAfter: Duration.days(3),
    },
    {
      id: 'replaced-and-expired-versions',
      noncurrentVersionExpiration: Duration.days(noncurrentDays),
      expiredObjectDeleteMarker: true,
    },
    ...([prefixes.leases, prefixes.services, prefixes.health, prefixes.alerts] as const).map((part) => ({
      id: `replaced-${part.slice(0, -1)}`,
      prefix: `${prefix}${part}`,
      noncurrentVersionExpiration: Duration.days(1),
    })),
    {
      id: 'expired-and-locked',
      prefix: `${prefix}${prefixes.backups}`,
      tagFilters: { [objectTags.expired]: 'yes' },
      expiration: Duration.days(1),
    },
    {
      // Longer than Step Functions remembers an execution: until then the key names it, after that it is refused anyway.
      id: 'forgotten-idempotency-keys',
      prefix: `${prefix}${prefixes.idempotency}`,
      expiration: Duration.days(100),
    },
    ...distinct
      .map(
        (days): LifecycleRule => ({
          id: `data-kept-${days}-days`,
          prefix: `${prefix}${prefixes.backups}`,
          tagFilters: { ...tagsOf('data', days) },
          transitions: transitions(days),
        }),
      )
      .filter(({ transitions: moves }) => moves?.length !== 0),
  ];
}

/** Only what stays long enough in a class to be cheaper there. */
function transitions(keptDays: number): Transition[] {
  return [
    ...(keptDays >= 60 ? [{ storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(30) }] : []),
    ...(keptDays >= 180
      ? [{ storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL, transitionAfter: Duration.days(90) }]
      : []),
  ];
}
