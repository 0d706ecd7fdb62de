import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { appOf, ordinary, templatesOf } from './synthesize.ts';

const templates = templatesOf();
const { vault } = templates;

test('the bucket survives its stack, keeps versions and can lock them', () => {
  vault.hasResource('AWS::S3::Bucket', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      VersioningConfiguration: { Status: 'Enabled' },
      ObjectLockEnabled: true,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    },
  });
});

test('the key survives its stack, rotates, and takes a month to delete', () => {
  vault.hasResource('AWS::KMS::Key', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: { EnableKeyRotation: true, PendingWindowInDays: 30 },
  });
});

test('neither the vault nor the catalog can be removed by deleting the stack', () => {
  const { holdfast } = appOf();

  assert.deepEqual([holdfast.vault?.terminationProtection, holdfast.catalog.terminationProtection], [true, true]);
});

test('the bucket refuses plain HTTP, old TLS, removal by writers, and replacing what is write-once', () => {
  const denials = Object.values(vault.findResources('AWS::S3::BucketPolicy'))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Record<string, unknown>[])
    .filter(({ Effect }) => Effect === 'Deny');

  assert.deepEqual(
    denials.map(({ Action, Condition }) => [Action, Condition]),
    [
      ['s3:*', { Bool: { 'aws:SecureTransport': 'false' } }],
      ['s3:*', { NumericLessThan: { 's3:TlsVersion': 1.2 } }],
      [
        [
          's3:BypassGovernanceRetention',
          's3:DeleteObject',
          's3:DeleteObjectTagging',
          's3:DeleteObjectVersion',
          's3:DeleteObjectVersionTagging',
          's3:PutObjectLegalHold',
          's3:PutObjectRetention',
          's3:PutObjectVersionTagging',
        ],
        { StringNotEquals: { 'aws:PrincipalTag/holdfast-vault': 'keeper' } },
      ],
      [
        's3:PutObjectTagging',
        {
          StringNotEquals: { 'aws:PrincipalTag/holdfast-vault': 'keeper' },
          Null: { 's3:ExistingObjectTag/holdfast-content': 'false' },
        },
      ],
      ['s3:PutObject', { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } }],
    ],
  );
});

test('of all roles of the app only the sweep of a cleanup bears the tag that lets it remove', () => {
  const bearers = Object.values(templates).flatMap((template) =>
    Object.entries(template.findResources('AWS::IAM::Role'))
      .filter(([, role]) => JSON.stringify(role).includes('holdfast-vault'))
      .map(([id]) => id.replace(/[0-9A-F]{8}$/, '')),
  );

  assert.deepEqual(bearers, ['StepssweepexpiredRole']);
});

test('a lock of new objects is set only where the configuration asks for one', () => {
  const locked = templatesOf(ordinary.replace('aws: {', 'aws: { objectLock: { mode: compliance, days: 30 },')).vault;

  vault.hasResourceProperties('AWS::S3::Bucket', { ObjectLockConfiguration: Match.absent() });
  locked.hasResourceProperties('AWS::S3::Bucket', {
    ObjectLockConfiguration: {
      ObjectLockEnabled: 'Enabled',
      Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 30 } },
    },
  });
});

test('an existing bucket and key leave no vault to make', () => {
  const { holdfast } = appOf(
    ordinary
      .replace('{ kind: s3 }', '{ kind: s3, bucket: my-vault }')
      .replace('{ keys: kms }', '{ keys: kms, kmsKey: "arn:aws:kms:eu-central-1:111122223333:key/1" }'),
  );

  assert.equal(holdfast.vault, undefined);
});
