import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Template } from 'aws-cdk-lib/assertions';
import { ordinary, templatesOf } from './synthesize.ts';

const withTrees = templatesOf(`${ordinary}
  - name: uploads
    engine: application
    connection: { path: /mnt/uploads }
    mounts: [{ fileSystem: fs-0123456789abcdef0, accessPoint: fsap-0123456789abcdef0, path: /mnt/uploads }]
  - name: reports
    engine: application
    connection: { path: /mnt/reports }
    mounts: [{ fileSystem: fs-0fedcba9876543210, accessPoint: fsap-0fedcba9876543210, path: /mnt/reports }]
`).runtime;
const usual = templatesOf().runtime;

type Definition = {
  readonly Family: string;
  readonly Volumes?: readonly object[];
  readonly ContainerDefinitions: readonly {
    readonly User?: string;
    readonly MountPoints?: readonly object[];
  }[];
};
const definitionsOf = (template: Template): readonly Definition[] =>
  Object.values(template.findResources('AWS::ECS::TaskDefinition')).map(({ Properties }) => Properties as Definition);
const variableOf = (template: Template, program: string): Record<string, string> => {
  const found = Object.values(template.findResources('AWS::Lambda::Function')).find(({ Properties }) =>
    JSON.stringify(Properties.Description).includes(program),
  );
  return JSON.parse(found?.['Properties'].Environment.Variables.HOLDFAST_TASKS) as Record<string, string>;
};

test('targets without needs of their own share one task of each kind', () => {
  assert.equal(definitionsOf(usual).length, 4);
  assert.deepEqual(Object.keys(variableOf(usual, 'Turns a backup request into a run')), ['']);
});

test('each set of mounted file systems has a backup and a restore task, and admission knows which target takes which', () => {
  assert.equal(definitionsOf(withTrees).length, 8);
  const backup = variableOf(withTrees, 'Turns a backup request into a run');

  assert.deepEqual(Object.keys(backup), ['', 'uploads', 'reports']);
  assert.equal(new Set(Object.values(backup)).size, 3);
  assert.deepEqual(Object.keys(variableOf(withTrees, 'Turns a restore test request')), ['']);
});

test('a backup reads what it mounts, and a restore writes it; both as root over TLS, as their own role', () => {
  const backup = variableOf(withTrees, 'Turns a backup request into a run')['uploads'];
  const restore = variableOf(withTrees, 'Turns a restore request into a run')['uploads'];
  const definitionOf = (family: string | undefined) =>
    definitionsOf(withTrees).find((definition) => definition.Family === family);

  assert.deepEqual(definitionOf(backup)?.Volumes, [
    {
      Name: 'mount-0',
      EFSVolumeConfiguration: {
        FilesystemId: 'fs-0123456789abcdef0',
        TransitEncryption: 'ENABLED',
        AuthorizationConfig: { AccessPointId: 'fsap-0123456789abcdef0', IAM: 'ENABLED' },
      },
    },
  ]);
  const [reader, writer] = [backup, restore].map((family) => definitionOf(family)?.ContainerDefinitions[0]);
  assert.deepEqual(reader?.MountPoints, [{ ContainerPath: '/mnt/uploads', ReadOnly: true, SourceVolume: 'mount-0' }]);
  assert.deepEqual(writer?.MountPoints, [{ ContainerPath: '/mnt/uploads', ReadOnly: false, SourceVolume: 'mount-0' }]);
  assert.deepEqual([reader?.User, writer?.User], ['0:0', '0:0']);
});

test('only a restore may write to a file system', () => {
  const statements = Object.entries(withTrees.findResources('AWS::IAM::Policy')).flatMap(([id, { Properties }]) =>
    (Properties.PolicyDocument.Statement as { readonly Sid: string; readonly Action: readonly string[] }[])
      .filter(({ Sid }) => Sid === 'SeeFileSystem0')
      .map(({ Action }) => [/Tasks(Backup|Restore)/.exec(id)?.[1], Action.includes('elasticfilesystem:ClientWrite')]),
  );

  assert.deepEqual(statements.sort(), [
    ['Backup', false],
    ['Backup', false],
    ['Restore', true],
    ['Restore', true],
  ]);
});

test('the state machines may run every task that admission may choose', () => {
  const families = definitionsOf(withTrees).map(({ Family }) => Family);
  const policies = JSON.stringify(withTrees.findResources('AWS::IAM::Policy'));

  assert.deepEqual(
    families.filter((family) => !policies.includes(`task-definition/${family}:*`)),
    [],
  );
});
