import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ordinary, type Statement, statementsOf, templatesOf } from './synthesize.ts';

const { runtime } = templatesOf(`${ordinary}  - name: shop-files
    engine: application
    connection:
      path: /srv/shop
      efs: { fileSystem: fs-0123456789abcdef0, accessPoint: fsap-0123456789abcdef0, mountAt: /srv/shop }
`);

type Definition = {
  readonly Properties: {
    readonly Volumes?: readonly object[];
    readonly ContainerDefinitions: readonly { readonly MountPoints?: readonly { readonly ReadOnly: boolean }[] }[];
  };
};
const definitionOf = (task: string): Definition['Properties'] => {
  const found = Object.entries(runtime.findResources('AWS::ECS::TaskDefinition') as Record<string, Definition>).find(
    ([id]) => id.startsWith(`Tasks${task}Definition`),
  );
  return found?.[1].Properties ?? assert.fail(`there is no task '${task}'`);
};
const actionsOf = (statements: readonly Statement[], service: string): string[] =>
  statements.flatMap(({ Action }) => Action).filter((action) => action.startsWith(service));

test('tasks see the file systems of targets: who restores may write there, and who tests restores has none', () => {
  for (const [task, readOnly] of [
    ['Backup', true],
    ['AskTargets', true],
    ['Restore', false],
  ] as const) {
    const { Volumes, ContainerDefinitions } = definitionOf(task);
    assert.deepEqual(Volumes, [
      {
        Name: 'shop-files',
        EFSVolumeConfiguration: {
          FilesystemId: 'fs-0123456789abcdef0',
          TransitEncryption: 'ENABLED',
          AuthorizationConfig: { AccessPointId: 'fsap-0123456789abcdef0', IAM: 'ENABLED' },
        },
      },
    ]);
    assert.deepEqual(ContainerDefinitions[0]?.MountPoints, [
      { ContainerPath: '/srv/shop', ReadOnly: readOnly, SourceVolume: 'shop-files' },
    ]);
    assert.equal(
      actionsOf(statementsOf(runtime, `Tasks${task}Role`), 'elasticfilesystem:').includes(
        'elasticfilesystem:ClientWrite',
      ),
      !readOnly,
    );
  }
  assert.equal(definitionOf('RestoreTest').Volumes, undefined);
});

test('the role that writes backups may open those of trees, which build on one another, and of no other target', () => {
  const decrypt = statementsOf(runtime, 'TasksBackupRole').filter(({ Action }) => Action.includes('kms:Decrypt'));

  assert.deepEqual(
    decrypt.map((statement) => (statement as { readonly Condition?: unknown }).Condition),
    [
      {
        'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': 'backupId' },
        StringEquals: { 'kms:EncryptionContext:target': ['shop-files'] },
      },
    ],
  );
  const { runtime: without } = templatesOf();
  assert.deepEqual(actionsOf(statementsOf(without, 'TasksBackupRole'), 'kms:'), ['kms:Encrypt']);
});
