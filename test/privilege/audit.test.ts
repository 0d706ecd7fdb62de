import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyModel } from '../../lib/local/model.ts';
import { denials, requestsOf, unusedGrants, withoutExceptions } from './audit.ts';
import type { Policies, Statement } from './policies.ts';

const writer = 'arn:aws:iam::000000000000:role/writer';
const statement = (sid: string, actions: string[], resources: string[], more: Partial<Statement> = {}): Statement => ({
  sid,
  effect: 'Allow',
  actions,
  resources,
  conditions: {},
  principal: undefined,
  ...more,
});
const policies: Policies = {
  model: emptyModel('eu-central-1'),
  resources: [],
  resourcePolicies: [
    {
      resource: 'arn:aws:s3:::vault',
      name: 'vault/policy',
      statements: [
        statement('Once', ['s3:PutObject'], ['arn:aws:s3:::vault/*'], {
          effect: 'Deny',
          principal: '*',
          conditions: { Null: { 's3:if-none-match': 'true' } },
        }),
      ],
    },
  ],
  roles: [
    {
      arn: writer,
      name: 'runtime/writer',
      description: '',
      trusted: [],
      tags: {},
      managedPolicies: [],
      statements: [
        statement('Write', ['s3:PutObject', 's3:GetObject'], ['arn:aws:s3:::vault/a/*', 'arn:aws:s3:::vault/b/*']),
        statement('List', ['s3:ListBucket'], ['arn:aws:s3:::vault'], {
          conditions: { StringLikeIfExists: { 's3:prefix': 'a/*' } },
        }),
      ],
    },
  ],
};
const call = (action: string, resource: string, context: Readonly<Record<string, string>> = {}, kind = 'task') => ({
  at: '2026-11-21T02:00:00.000Z',
  caller: { kind, name: 'writer', roleArn: writer },
  action,
  resource,
  context,
});

test('a call is denied that no statement allows, that a condition leaves out, or that the resource refuses', async () => {
  const requests = requestsOf([
    call('s3:PutObject', 'arn:aws:s3:::vault/a/1', { 's3:if-none-match': '*' }),
    call('s3:ListBucket', 'arn:aws:s3:::vault', { 's3:prefix': 'a/1' }),
    call('s3:GetObject', 'arn:aws:s3:::vault/c/1'),
    call('s3:ListBucket', 'arn:aws:s3:::vault', { 's3:prefix': 'b/1' }),
    call('s3:PutObject', 'arn:aws:s3:::vault/a/1'),
    call('s3:DeleteObject', 'arn:aws:s3:::vault/a/1', {}, 'operator'),
  ]);

  assert.deepEqual(await denials(policies, requests), [
    "runtime/writer may not s3:GetObject on 'arn:aws:s3:::vault/c/1' (ImplicitlyDenied; {})",
    `runtime/writer may not s3:ListBucket on 'arn:aws:s3:::vault' (ImplicitlyDenied; {"s3:prefix":"b/1"})`,
    "runtime/writer may not s3:PutObject on 'arn:aws:s3:::vault/a/1' (ExplicitlyDenied; {})",
  ]);
});

test('each action on each resource of each statement has to be used, or be excused by an exception that excuses something', async () => {
  const requests = requestsOf([
    call('s3:PutObject', 'arn:aws:s3:::vault/a/1', { 's3:if-none-match': '*' }),
    call('s3:PutObject', 'arn:aws:s3:::vault/b/1', { 's3:if-none-match': '*' }),
    call('s3:GetObject', 'arn:aws:s3:::vault/a/1'),
  ]);
  const excuse = (action: string) => ({ role: /writer/, action, resource: /vault$/, because: `of ${action}` });

  const grants = await unusedGrants(policies, requests);

  assert.deepEqual(withoutExceptions(grants, [excuse('s3:ListBucket'), excuse('s3:PutObject')]), {
    unused: ["runtime/writer (Write): s3:GetObject on 'arn:aws:s3:::vault/b/*' is never used"],
    stale: ['of s3:PutObject'],
  });
});
