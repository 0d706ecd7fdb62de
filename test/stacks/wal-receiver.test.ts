import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ordinary, statementsOf, templatesOf } from './synthesize.ts';

/** As `ordinary`, with its target's WAL received. */
const receiving = ordinary.replace(
  '    backups:\n',
  '    wal: { receive: true, taskCpu: 256, taskMemoryMiB: 2048 }\n    backups:\n',
);

test('where no WAL is received there is no service, and nothing that costs', () => {
  templatesOf().runtime.resourceCountIs('AWS::ECS::Service', 0);
});

test('a target whose WAL is received has one task of its own at a time, in private, with a breaker for deployments', () => {
  const { runtime } = templatesOf(receiving);

  runtime.resourceCountIs('AWS::ECS::Service', 1);
  runtime.hasResourceProperties('AWS::ECS::Service', {
    DesiredCount: 1,
    LaunchType: 'FARGATE',
    DeploymentConfiguration: {
      MaximumPercent: 100,
      MinimumHealthyPercent: 0,
      DeploymentCircuitBreaker: { Enable: true, Rollback: true },
    },
  });
  const [definition] = Object.values(
    runtime.findResources('AWS::ECS::TaskDefinition', {
      Properties: { ContainerDefinitions: [{ Command: ['wal', 'receive', 'orders'] }] },
    }),
  );
  assert.equal(definition?.Properties.Cpu, '256');
  assert.equal(definition?.Properties.Memory, '2048');
  assert.equal(definition?.Properties.ContainerDefinitions[0].StopTimeout, 120);
  assert.equal(definition?.Properties.ContainerDefinitions[0].PortMappings, undefined);
});

test('its role keeps the log of that target, and nothing else', () => {
  const { runtime } = templatesOf(receiving);

  const statements = statementsOf(runtime, 'TasksWalordersTaskRole');

  assert.deepEqual(
    statements.map(({ Sid, Action }) => [Sid, ...Action]),
    [
      ['ReadPasswords', 'secretsmanager:GetSecretValue'],
      ['ListLog', 's3:ListBucket'],
      ['ReadLog', 's3:GetObject'],
      ['WriteLog', 's3:PutObject'],
      ['TagLog', 's3:PutObjectTagging'],
      ['WrapDataKeys', 'kms:Encrypt'],
    ],
  );
  assert.match(JSON.stringify(statements.find(({ Sid }) => Sid === 'WriteLog')?.Resource), /wal\/orders\/\*/);
  assert.match(JSON.stringify(statements.find(({ Sid }) => Sid === 'WriteLog')?.Resource), /health\/wal\/orders\.json/);
});

test('the watch sees the logs of servers that push them by themselves, where there are base backups to go on from', () => {
  const pushing = ordinary.replaceAll('{ tier: daily,', '{ method: base, tier: daily,');
  const seen = (configText: string) =>
    ['WatchRole', 'StepscheckhealthRole'].map((role) => {
      const statements = statementsOf(templatesOf(configText).runtime, role);
      assert.ok(statements.length > 0, role);
      return ['s3:ListBucket', 's3:GetObject'].map((action) =>
        /wal\/\*/.test(JSON.stringify(statements.filter(({ Action }) => Action.includes(action)))),
      );
    });

  const all = [
    [true, true],
    [true, true],
  ];
  assert.deepEqual(seen(pushing), all);
  assert.deepEqual(seen(receiving), all);
  assert.deepEqual(seen(ordinary), [
    [false, false],
    [false, false],
  ]);
});
