import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absenceCall, s3Calls } from '../../../lib/local/s3/s3-calls.ts';

const ask = (method: string, url: string, headers: Readonly<Record<string, string>> = {}, body?: string) =>
  s3Calls({ method, url, headers, ...(body === undefined ? {} : { body }) }).map(({ action, resource, context }) =>
    Object.keys(context).length === 0 ? [action, resource] : [action, resource, context],
  );
const object = 'arn:aws:s3:::vault/backups/a b';
const tagging = 'holdfast-content=data&holdfast-retention-days=7';
const tags = {
  's3:RequestObjectTagKeys': ['holdfast-content', 'holdfast-retention-days'],
  's3:RequestObjectTag/holdfast-content': 'data',
  's3:RequestObjectTag/holdfast-retention-days': '7',
};

test('looking at an object and reading it are one permission, and an old version is another', () => {
  assert.deepEqual(ask('HEAD', '/vault/backups/a%20b'), [['s3:GetObject', object]]);
  assert.deepEqual(ask('GET', '/vault/backups/a%20b'), [['s3:GetObject', object]]);
  assert.deepEqual(ask('GET', '/vault/backups/a%20b?versionId=7'), [['s3:GetObjectVersion', object]]);
});

test('a put asks with its condition and its tags, and for the right to tag', () => {
  const headers = { 'if-none-match': '*', 'x-amz-tagging': tagging };

  assert.deepEqual(ask('PUT', '/vault/backups/a%20b', headers), [
    ['s3:PutObject', object, { 's3:ObjectCreationOperation': 'true', 's3:if-none-match': '*', ...tags }],
    ['s3:PutObjectTagging', object, tags],
  ]);
});

test('a put that compares with what is there asks to read it too', () => {
  assert.deepEqual(ask('PUT', '/vault/leases/x', { 'if-match': '"e"' }), [
    ['s3:PutObject', 'arn:aws:s3:::vault/leases/x', { 's3:ObjectCreationOperation': 'true', 's3:if-match': '"e"' }],
    ['s3:GetObject', 'arn:aws:s3:::vault/leases/x'],
  ]);
});

test('of an upload only its completion creates an object', () => {
  const none = { 's3:ObjectCreationOperation': 'false' };

  assert.deepEqual(ask('POST', '/vault/backups/a%20b?uploads', { 'x-amz-tagging': tagging }), [
    ['s3:PutObject', object, { ...none, ...tags }],
    ['s3:PutObjectTagging', object, tags],
  ]);
  assert.deepEqual(ask('PUT', '/vault/backups/a%20b?partNumber=1&uploadId=u'), [['s3:PutObject', object, none]]);
  assert.deepEqual(ask('POST', '/vault/backups/a%20b?uploadId=u', { 'if-none-match': '*' }), [
    ['s3:PutObject', object, { 's3:ObjectCreationOperation': 'true', 's3:if-none-match': '*' }],
  ]);
  assert.deepEqual(ask('DELETE', '/vault/backups/a%20b?uploadId=u'), [['s3:AbortMultipartUpload', object]]);
  assert.deepEqual(ask('GET', '/vault/backups/a%20b?uploadId=u'), [['s3:ListMultipartUploadParts', object]]);
});

test('removal is told by version, and so is each object of a list', () => {
  const body =
    '<Delete><Object><Key>backups/a &amp; b</Key></Object><Object><Key>x</Key><VersionId>7</VersionId></Object></Delete>';

  assert.deepEqual(ask('DELETE', '/vault/x'), [['s3:DeleteObject', 'arn:aws:s3:::vault/x']]);
  assert.deepEqual(ask('DELETE', '/vault/x?versionId=7', { 'x-amz-bypass-governance-retention': 'true' }), [
    ['s3:DeleteObject', 'arn:aws:s3:::vault/x'],
    ['s3:DeleteObjectVersion', 'arn:aws:s3:::vault/x'],
    ['s3:BypassGovernanceRetention', 'arn:aws:s3:::vault/x'],
  ]);
  assert.deepEqual(ask('POST', '/vault?delete=', {}, body), [
    ['s3:DeleteObject', 'arn:aws:s3:::vault/backups/a & b'],
    ['s3:DeleteObject', 'arn:aws:s3:::vault/x'],
    ['s3:DeleteObjectVersion', 'arn:aws:s3:::vault/x'],
  ]);
});

test('locks are actions of their own, set with an object or afterwards', () => {
  assert.deepEqual(ask('PUT', '/vault/x', { 'x-amz-object-lock-mode': 'GOVERNANCE' }).slice(1), [
    ['s3:PutObjectRetention', 'arn:aws:s3:::vault/x'],
  ]);
  assert.deepEqual(ask('PUT', '/vault/x?legal-hold='), [['s3:PutObjectLegalHold', 'arn:aws:s3:::vault/x']]);
});

test('a listing asks for the bucket, with its prefix; and so does the answer that there is no such object, without one', () => {
  assert.deepEqual(ask('GET', '/vault?list-type=2&prefix=journal%2F'), [
    ['s3:ListBucket', 'arn:aws:s3:::vault', { 's3:prefix': 'journal/' }],
  ]);
  assert.deepEqual(absenceCall('/vault/journal/x'), {
    action: 's3:ListBucket',
    resource: 'arn:aws:s3:::vault',
    context: {},
  });
});

test('an operation that is in no table is refused by its name', () => {
  assert.throws(() => ask('PUT', '/vault?policy='), {
    name: 'NotImplemented',
    message: "the local stack does not speak S3's PUT of a bucket ('policy')",
  });
});
