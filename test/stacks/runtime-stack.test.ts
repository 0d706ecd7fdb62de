import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Template } from 'aws-cdk-lib/assertions';
import { AccountRootPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { appOf, ordinary, type Statement, statementsOf, templatesOf } from './synthesize.ts';

const templates = templatesOf();
const { runtime } = templates;

const actionsOf = (statements: readonly Statement[]): string[] =>
  [...new Set(statements.flatMap(({ Action }) => Action))].sort();
const within = (statements: readonly Statement[], action: string): string =>
  JSON.stringify(statements.filter(({ Action }) => Action.includes(action)).flatMap(({ Resource }) => Resource));

test('no role may delete objects, change their locks, or pass over those of others', () => {
  const forbidden =
    /^s3:(\*|Delete|PutObjectRetention|PutObjectLegalHold|Bypass|PutBucket|PutLifecycle)|^\*$|^kms:(\*|Schedule|Disable)/;

  for (const template of Object.values(templates)) {
    assert.deepEqual(
      actionsOf(statementsOf(template, '')).filter((action) => forbidden.test(action)),
      [],
    );
  }
});

test('what writes backups may do this and no more', () => {
  const statements = statementsOf(runtime, 'TasksBackupRole');

  assert.deepEqual(actionsOf(statements), [
    'kms:Encrypt',
    's3:AbortMultipartUpload',
    's3:GetObject',
    's3:ListBucket',
    's3:PutObject',
    's3:PutObjectTagging',
    'secretsmanager:GetSecretValue',
  ]);
  assert.equal(
    within(statements, 'secretsmanager:GetSecretValue'),
    '["arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/orders-??????"]',
  );
});

test('what restores may read backups, and writes none', () => {
  const statements = statementsOf(runtime, 'TasksRestoreRole');

  assert.deepEqual(actionsOf(statements), [
    'kms:Decrypt',
    's3:GetObject',
    's3:ListBucket',
    's3:PutObject',
    'secretsmanager:GetSecretValue',
  ]);
  assert.doesNotMatch(within(statements, 's3:PutObject'), /backups/);
});

test('data keys are unwrapped by validation and restores only', () => {
  const holders = Object.entries(runtime.findResources('AWS::IAM::Policy'))
    .filter(([, policy]) => JSON.stringify(policy).includes('kms:Decrypt'))
    .map(([id]) => id.replace(/DefaultPolicy.*/, ''));

  assert.deepEqual(holders.sort(), ['StepsvalidatebackupRole', 'TasksRestoreRole']);
});

test('functions of the runtime are in no VPC', () => {
  for (const { Properties } of Object.values(runtime.findResources('AWS::Lambda::Function'))) {
    assert.equal(Properties.VpcConfig, undefined);
  }
});

test('every function has a log group of its own that forgets after three months', () => {
  const functions = Object.values(runtime.findResources('AWS::Lambda::Function'));
  const groups = functions.map(({ Properties }) => Properties.LoggingConfig.LogGroup.Ref as string);

  assert.equal(new Set(groups).size, functions.length);
  for (const group of groups) {
    assert.equal(runtime.findResources('AWS::Logs::LogGroup')[group]?.['Properties'].RetentionInDays, 90);
  }
});

test('no environment of a function or task holds a secret, or a reference to one', () => {
  const environments = JSON.stringify([
    Object.values(runtime.findResources('AWS::Lambda::Function')).map(({ Properties }) => Properties.Environment),
    Object.values(runtime.findResources('AWS::ECS::TaskDefinition')).map(
      ({ Properties }) => Properties.ContainerDefinitions,
    ),
  ]);

  assert.doesNotMatch(environments, /prod\/orders|resolve:secretsmanager|password/i);
});

test('the API lets in only whom IAM knows, a few at a time', () => {
  runtime.allResourcesProperties('AWS::Lambda::Url', { AuthType: 'AWS_IAM' });
  runtime.resourceCountIs('AWS::Lambda::Permission', 0);
  runtime.hasResourceProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: 10 });
});

test('the API reads what says of backups, claims keys, and leaves the rest to those whom it asks', () => {
  const statements = statementsOf(runtime, 'ApiFunctionRole');

  assert.deepEqual(actionsOf(statements), [
    'lambda:InvokeFunction',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    's3:GetObject',
    's3:ListBucket',
    's3:PutObject',
    'states:DescribeExecution',
    'states:ListExecutions',
    'states:StartExecution',
  ]);
  assert.match(within(statements, 's3:PutObject'), /idempotency\/\*/);
  assert.doesNotMatch(within(statements, 's3:PutObject'), /backups|journal|requests|leases|reports/);
  assert.doesNotMatch(within(statements, 's3:GetObject'), /backups\/\*"/);
});

test('one function may change schedules, those of this installation, under the role that they have', () => {
  const holders = Object.entries(runtime.findResources('AWS::IAM::Policy'))
    .filter(([, policy]) => JSON.stringify(policy).includes('scheduler:UpdateSchedule'))
    .map(([id]) => id.replace(/DefaultPolicy.*/, ''));
  const statements = statementsOf(runtime, 'SchedulesFunctionRole');

  assert.deepEqual(holders, ['SchedulesFunctionRole']);
  assert.match(within(statements, 'scheduler:UpdateSchedule'), /schedule\/holdfast\/\*/);
  assert.match(within(statements, 'iam:PassRole'), /SchedulesRole/);
});

test('a deployment that changes a schedule puts back what was changed by hand', () => {
  const inForce = (config?: string) =>
    Object.values(templatesOf(config).runtime.findResources('Custom::HoldfastSchedulesInForce'))[0]?.['Properties']
      .declared as string;

  assert.equal(inForce(), inForce(ordinary.replace('retention: 7d', 'retention: 8d')));
  assert.notEqual(inForce(), inForce(ordinary.replace('0 2 * * *', '0 3 * * *')));
});

test('a backup is started at its time, in its zone, with its slot, and given up after an hour', () => {
  runtime.hasResourceProperties('AWS::Scheduler::Schedule', {
    Name: 'orders-daily-logical',
    GroupName: 'holdfast',
    State: 'ENABLED',
    ScheduleExpression: 'cron(0 2 * * ? *)',
    ScheduleExpressionTimezone: 'Europe/Berlin',
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: {
      Input:
        '{"target":"orders","method":"logical","tier":"daily","scheduledTime":"<aws.scheduler.scheduled-time>","requestedBy":{"kind":"schedule","name":"orders-daily-logical"}}',
      RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 3 },
    },
  });
});

test('what a schedule could not start is kept', () => {
  for (const { Properties } of Object.values(runtime.findResources('AWS::Scheduler::Schedule'))) {
    assert.notEqual(Properties.Target.DeadLetterConfig?.Arn, undefined);
  }
});

test('a switched-off backup keeps its schedule, switched off', () => {
  const { runtime: off } = templatesOf(ordinary.replace('retention: 7d', 'retention: 7d, enabled: false'));

  off.hasResourceProperties('AWS::Scheduler::Schedule', { Name: 'orders-daily-logical', State: 'DISABLED' });
});

test('tasks run one container that gets two minutes to end, and its zombies reaped', () => {
  for (const { Properties } of Object.values(runtime.findResources('AWS::ECS::TaskDefinition'))) {
    const [container, ...others] = Properties.ContainerDefinitions as Record<string, unknown>[];
    assert.deepEqual(others, []);
    assert.equal(container?.['StopTimeout'], 120);
    assert.deepEqual(container?.['LinuxParameters'], { Capabilities: {}, InitProcessEnabled: true });
  }
});

test('a store in a directory gives programs no bucket', () => {
  const { runtime: local } = templatesOf(ordinary.replace('{ kind: s3 }', '{ kind: file, path: ./vault }'));

  const environments = Object.values(local.findResources('AWS::Lambda::Function')).map(
    ({ Properties }) => Properties.Environment.Variables as Record<string, unknown>,
  );
  assert.deepEqual(
    environments.filter((variables) => 'AWS_S3_BUCKET' in variables),
    [],
  );
});

test('a schedule in the hour that clocks skip is warned of', () => {
  const { app, holdfast } = appOf();
  app.synth();

  const warnings = holdfast.node
    .findAll()
    .flatMap(({ node }) => node.metadata.filter(({ type }) => type === 'aws:cdk:warning'));

  assert.match(JSON.stringify(warnings), /'orders-daily-logical' .* is left out once a year/);
});

test('whoever may call the API gets both permissions that a function URL asks for', () => {
  const { holdfast } = appOf();
  const caller = new Role(holdfast.runtime, 'Caller', { assumedBy: new AccountRootPrincipal() });

  holdfast.runtime.api.grantCall(caller);

  const template = Template.fromStack(holdfast.runtime);
  assert.deepEqual(actionsOf(statementsOf(template, 'Caller')), ['lambda:InvokeFunction', 'lambda:InvokeFunctionUrl']);
});
