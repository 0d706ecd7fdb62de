import { Duration } from 'aws-cdk-lib';
import { type LifecycleRule, StorageClass, type Transition } from 'aws-cdk-lib/aws-s3';
import { prefixes } from '../core/object-keys.ts';
import { tagsOf } from '../core/object-tags.ts';

/**
 * Lifecycle is the net below Holdfast's own cleaning, not the cleaning itself: S3 cannot see that the backup it is about to expire is the
 * only good one left. So it waits this much longer, through which a target without fresh backups has been raising alarms.
 */
export const graceDays = 30;

/** An expired or replaced version can be brought back for this long. */
export const noncurrentDays = 30;

/** A manifest goes first, its data this many days later: lifecycle never leaves a manifest whose data is gone. */
export const dataLagDays = 3;

/**
 * Rules for backups kept for each of `retentionDays`, and for everything else in the vault. Both colder classes read at once, because
 * validation and restores do not wait for a thaw. S3 moves an object to Infrequent Access after 30 days at the earliest, and bills
 * Infrequent Access for 30 days and Glacier Instant Retrieval for 90 however long an object stays.
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
    {
      id: 'replaced-leases',
      prefix: `${prefix}${prefixes.leases}`,
      noncurrentVersionExpiration: Duration.days(1),
    },
    {
      // Longer than Step Functions remembers an execution: until then the key names it, after that it is refused anyway.
      id: 'forgotten-idempotency-keys',
      prefix: `${prefix}${prefixes.idempotency}`,
      expiration: Duration.days(100),
    },
    ...distinct.flatMap((days): LifecycleRule[] => [
      {
        id: `manifests-kept-${days}-days`,
        prefix: `${prefix}${prefixes.backups}`,
        tagFilters: { ...tagsOf('manifest', days) },
        expiration: Duration.days(days + graceDays),
      },
      {
        id: `data-kept-${days}-days`,
        prefix: `${prefix}${prefixes.backups}`,
        tagFilters: { ...tagsOf('data', days) },
        expiration: Duration.days(days + graceDays + dataLagDays),
        transitions: transitions(days + graceDays + dataLagDays),
      },
    ]),
  ];
}

/** Only what stays long enough in a class to be cheaper there. */
function transitions(expiresAfterDays: number): Transition[] {
  return [
    ...(expiresAfterDays >= 60
      ? [{ storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(30) }]
      : []),
    ...(expiresAfterDays >= 180
      ? [{ storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL, transitionAfter: Duration.days(90) }]
      : []),
  ];
}
