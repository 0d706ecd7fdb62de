import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ordinary, statementsOf, templatesOf } from './synthesize.ts';

const unwraps = (config: string): readonly unknown[] =>
  statementsOf(templatesOf(config).runtime, 'TasksBackupRole')
    .filter(({ Action }) => Action.includes('kms:Decrypt'))
    .map((statement) => (statement as { readonly Condition?: unknown }).Condition);

test('the role that writes backups may open those of trees, which build on one another, and of no other target', () => {
  const withTrees = `${ordinary}  - { name: shop-files, engine: application, connection: { path: /srv/shop } }\n`;

  assert.deepEqual(unwraps(ordinary), []);
  assert.deepEqual(unwraps(withTrees), [
    {
      'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': 'backupId' },
      StringEquals: { 'kms:EncryptionContext:target': ['shop-files'] },
    },
  ]);
});
