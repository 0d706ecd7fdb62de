import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Template } from 'aws-cdk-lib/assertions';
import { ordinary, templatesOf, withServices } from './synthesize.ts';

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

const withService = templatesOf(withServices).runtime;

type Policy = {
  readonly Sid: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: object;
};
const statementsOf = (template: Template, sid: string): readonly (readonly [string, Policy])[] =>
  Object.entries(template.findResources('AWS::IAM::Policy')).flatMap(([id, { Properties }]) =>
    (Properties.PolicyDocument.Statement as readonly Policy[])
      .filter(({ Sid }) => Sid === sid)
      .map((statement) => [id, statement] as const),
  );

test('a target whose ECS service is stopped has tasks of its own, which may stop that service and no other', () => {
  const backup = variableOf(withService, 'Turns a backup request into a run');
  const switching = statementsOf(withService, 'SwitchService').map(([id, { Action, Resource }]) => [
    /^[A-Za-z]+?(?:Backup|Restore|startservices)/.exec(id)?.[0],
    Action,
    [...JSON.stringify(Resource).matchAll(/service\/[a-z/]+/g)].map(([name]) => name),
  ]);

  assert.deepEqual(Object.keys(backup), ['', 'social', 'roads']);
  assert.equal(new Set(Object.values(backup)).size, 3);
  const actions = ['ecs:DescribeServices', 'ecs:UpdateService'];
  assert.deepEqual(switching.sort(), [
    ['Stepsstartservices', actions, ['service/graphs/roads', 'service/graphs/social']],
    ['TasksBackup', actions, ['service/graphs/roads']],
    ['TasksBackup', actions, ['service/graphs/social']],
    ['TasksRestore', actions, ['service/graphs/roads']],
    ['TasksRestore', actions, ['service/graphs/social']],
  ]);
  for (const [, { Condition }] of statementsOf(withService, 'ListTasksOfService'))
    assert.match(JSON.stringify(Condition), /^\{"ArnEquals":\{"ecs:cluster":.*cluster\/graphs/);
});

test('a dump locks the files that it reads, so its backup may write to them too', () => {
  const family = variableOf(withService, 'Turns a backup request into a run')['social'];
  const definition = definitionsOf(withService).find(({ Family }) => Family === family);

  assert.deepEqual(definition?.ContainerDefinitions[0]?.MountPoints, [
    { ContainerPath: '/mnt/social/data', ReadOnly: false, SourceVolume: 'mount-0' },
  ]);
});

test('restore tests of Neo4j run where its server is', () => {
  const test = variableOf(withService, 'Turns a restore test request into a run');

  assert.deepEqual(Object.keys(test), ['', 'social', 'roads']);
  assert.equal(test['social'], test['roads']);
  assert.notEqual(test['social'], test['']);
});

test('where no service is stopped, nothing is there to start one', () => {
  assert.deepEqual(statementsOf(usual, 'SwitchService'), []);
  const names = (template: Template) =>
    Object.values(template.findResources('AWS::Scheduler::Schedule')).map(({ Properties }) => Properties.Name);
  assert.equal(names(usual).includes('start-services'), false);
  assert.equal(names(withService).includes('start-services'), true);
});
