import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { prefixes } from '../core/object-keys.ts';
import { objectTags } from '../core/object-tags.ts';

/** A role that bears this tag may remove from the vault and change locks. Of Holdfast's own roles that is the cleanup's alone. */
export const keeperTag = { key: 'holdfast-vault', value: 'keeper' } as const;

const writeOnce = [
  prefixes.backups,
  prefixes.journal,
  prefixes.outcomes,
  prefixes.requests,
  prefixes.idempotency,
  prefixes.cleanups,
  prefixes.wal,
] as const;

/**
 * What the bucket refuses whatever a role's own policy says:
 * - removal of objects and versions, and any change of lock or tags, to everyone but a keeper. An administrator who must can still
 *   change this policy first, which CloudTrail shows. Lifecycle is not subject to it;
 * - new tags on an object that has some: a writer tags what it creates, and could otherwise have lifecycle take it early;
 * - replacing what is write-once: an object is created with `If-None-Match: *` or not at all. The calls that begin an upload and send its
 *   parts create no object and cannot bear that header, hence the second condition.
 */
export function vaultGuards(bucket: IBucket, prefix: string): PolicyStatement[] {
  return [
    new PolicyStatement({
      sid: 'OnlyAKeeperRemovesOrUnlocks',
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: [
        's3:DeleteObject',
        's3:DeleteObjectVersion',
        's3:DeleteObjectTagging',
        's3:DeleteObjectVersionTagging',
        's3:PutObjectVersionTagging',
        's3:PutObjectRetention',
        's3:PutObjectLegalHold',
        's3:BypassGovernanceRetention',
      ],
      resources: [bucket.arnForObjects('*')],
      conditions: { StringNotEquals: { [`aws:PrincipalTag/${keeperTag.key}`]: keeperTag.value } },
    }),
    new PolicyStatement({
      sid: 'OnlyAKeeperChangesTags',
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ['s3:PutObjectTagging'],
      resources: [bucket.arnForObjects('*')],
      conditions: {
        StringNotEquals: { [`aws:PrincipalTag/${keeperTag.key}`]: keeperTag.value },
        Null: { [`s3:ExistingObjectTag/${objectTags.content}`]: 'false' },
      },
    }),
    new PolicyStatement({
      sid: 'WriteOnceMeansOnce',
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ['s3:PutObject'],
      resources: writeOnce.map((part) => bucket.arnForObjects(`${prefix}${part}*`)),
      conditions: {
        Null: { 's3:if-none-match': 'true' },
        Bool: { 's3:ObjectCreationOperation': 'true' },
      },
    }),
  ];
}
