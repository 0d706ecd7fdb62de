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

test('no role but the sweep of a cleanup may delete objects, change their locks, or pass over those of others', () => {
  const forbidden =
    /^s3:(\*|Delete|PutObjectRetention|PutObjectLegalHold|Bypass|PutBucket|PutLifecycle)|^\*$|^kms:(\*|Schedule|Disable)/;

  for (const template of Object.values(templates)) {
    const sweep = new Set(
      statementsOf(template, 'StepssweepexpiredRole').map((statement) => JSON.stringify(statement)),
    );
    const others = statementsOf(template, '').filter((statement) => !sweep.has(JSON.stringify(statement)));
    assert.deepEqual(
      actionsOf(others).filter((action) => forbidden.test(action)),
      [],
    );
  }
});

test('the sweep of a cleanup may remove backups and small objects, and can neither read nor write nor unlock a backup', () => {
  const statements = statementsOf(runtime, 'StepssweepexpiredRole');

  assert.deepEqual(
    actionsOf(statements).filter((action) => /^(s3|kms):/.test(action)),
    [
      's3:AbortMultipartUpload',
      's3:DeleteObject',
      's3:DeleteObjectVersion',
      's3:GetObject',
      's3:GetObjectLegalHold',
      's3:GetObjectRetention',
      's3:ListBucket',
      's3:ListBucketMultipartUploads',
      's3:ListBucketVersions',
      's3:PutObject',
      's3:PutObjectLegalHold',
      's3:PutObjectTagging',
    ],
  );
  assert.doesNotMatch(within(statements, 's3:DeleteObjectVersion'), /journal|leases/);
  assert.doesNotMatch(within(statements, 's3:PutObject'), /backups/);
  assert.match(within(statements, 's3:GetObject'), /backups\/\*\/manifest\.json/);
  assert.doesNotMatch(within(statements, 's3:GetObject'), /backups\/\*"/);
});

test('what plans a cleanup can remove nothing', () => {
  const actions = actionsOf(statementsOf(runtime, 'StepsplancleanupRole'));

  assert.deepEqual(
    actions.filter((action) => action.startsWith('s3:')),
    ['s3:GetObject', 's3:GetObjectLegalHold', 's3:GetObjectRetention', 's3:ListBucket', 's3:PutObject'],
  );
});

test('the cleanup runs on Sunday after the weekly backups, unless it is switched off', () => {
  const schedule = { Name: 'cleanup', ScheduleExpression: 'cron(0 6 ? * 1 *)', ScheduleExpressionTimezone: 'UTC' };
  const { runtime: off } = templatesOf(
    `${ordinary}run: { cleanup: false }\ncleanup: { schedule: "30 5 * * 6", timezone: Europe/Berlin }\n`,
  );

  runtime.hasResourceProperties('AWS::Scheduler::Schedule', { ...schedule, State: 'ENABLED' });
  off.hasResourceProperties('AWS::Scheduler::Schedule', {
    Name: 'cleanup',
    State: 'DISABLED',
    ScheduleExpression: 'cron(30 5 ? * 7 *)',
    ScheduleExpressionTimezone: 'Europe/Berlin',
  });
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

test('what tests backups may read them and say how it went, and knows no secret', () => {
  const statements = statementsOf(runtime, 'TasksRestoreTestRole');

  assert.deepEqual(actionsOf(statements), ['kms:Decrypt', 's3:GetObject', 's3:ListBucket', 's3:PutObject']);
  assert.match(within(statements, 's3:PutObject'), /outcomes\/\*/);
  assert.doesNotMatch(within(statements, 's3:PutObject'), /backups|leases|journal/);
});

test('a restore test reaches HTTPS and nothing else, and nothing reaches it', () => {
  const group = restoreTestGroup(runtime);

  assert.deepEqual(group.SecurityGroupEgress, [
    { CidrIp: '0.0.0.0/0', Description: 'AWS APIs, and the store', FromPort: 443, IpProtocol: 'tcp', ToPort: 443 },
  ]);
  assert.equal(group.SecurityGroupIngress, undefined);
});

test('another S3 API than that of AWS can be reached at its port', () => {
  const { runtime: other } = templatesOf(
    ordinary.replace('{ kind: s3 }', '{ kind: s3, endpoint: "http://minio.internal:9000" }'),
  );

  assert.deepEqual(
    restoreTestGroup(other).SecurityGroupEgress.map(({ FromPort }) => FromPort),
    [443, 9000],
  );
});

function restoreTestGroup(template: Template): {
  readonly SecurityGroupEgress: readonly { readonly FromPort: number }[];
  readonly SecurityGroupIngress?: unknown;
} {
  const groups = Object.entries(template.findResources('AWS::EC2::SecurityGroup'));
  const [, group] = groups.find(([id]) => id.startsWith('TasksRestoreTestSecurityGroup')) ?? [];
  assert.ok(group);
  return group['Properties'];
}

test('what restores, or tests it, has the disk that the configuration gives it', () => {
  const { runtime: large } = templatesOf(
    ordinary.replace('region: eu-central-1 }', 'region: eu-central-1, restoreTestDiskGiB: 200 }'),
  );

  const disks = Object.entries(large.findResources('AWS::ECS::TaskDefinition')).map(([id, { Properties }]) => [
    id.replace(/Definition[0-9A-F]{8}$/, ''),
    Properties.EphemeralStorage?.SizeInGiB,
  ]);
  assert.deepEqual(disks.sort(), [
    ['TasksAskTargets', undefined],
    ['TasksBackup', undefined],
    ['TasksRestore', 200],
    ['TasksRestoreTest', 200],
  ]);
});

test('a backup of any target is tested every Sunday, and those of a target with a schedule of its own by that too', () => {
  const { runtime: more } = templatesOf(
    ordinary.replace(
      '    backups:',
      '    restoreTest: { schedule: "0 15 * * 3", timezone: Europe/Berlin }\n    backups:',
    ),
  );

  more.hasResourceProperties('AWS::Scheduler::Schedule', {
    Name: 'restore-test',
    ScheduleExpression: 'cron(0 12 ? * 1 *)',
    Target: { Input: '{"requestedBy":{"kind":"schedule","name":"restore-test"}}' },
  });
  more.hasResourceProperties('AWS::Scheduler::Schedule', {
    Name: 'orders-restore-test',
    ScheduleExpression: 'cron(0 15 ? * 4 *)',
    ScheduleExpressionTimezone: 'Europe/Berlin',
    Target: { Input: '{"target":"orders","requestedBy":{"kind":"schedule","name":"orders-restore-test"}}' },
  });
});

test('restore tests that are switched off keep their schedule, switched off', () => {
  const { runtime: off } = templatesOf(`restoreTests: { enabled: false }${ordinary}`);

  off.hasResourceProperties('AWS::Scheduler::Schedule', { Name: 'restore-test', State: 'DISABLED' });
});

test('what asks targets how they are may read their passwords, and say what they answered', () => {
  const statements = statementsOf(runtime, 'TasksAskTargetsRole');

  assert.deepEqual(actionsOf(statements), ['s3:PutObject', 'secretsmanager:GetSecretValue']);
  assert.match(within(statements, 's3:PutObject'), /health\/\*/);
  assert.doesNotMatch(within(statements, 's3:PutObject'), /backups|journal/);
});

test('the watch reads what it looks at, and writes no more than what it saw', () => {
  const statements = statementsOf(runtime, 'WatchRole');

  assert.deepEqual(actionsOf(statements), [
    'events:PutEvents',
    'kms:DescribeKey',
    'lambda:InvokeFunction',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    's3:GetObject',
    's3:ListBucket',
    's3:PutObject',
  ]);
  assert.doesNotMatch(within(statements, 's3:PutObject'), /backups|journal|leases|requests/);
});

test('the watch looks every five minutes, and targets are asked every half hour', () => {
  runtime.hasResourceProperties('AWS::Scheduler::Schedule', { Name: 'watch', ScheduleExpression: 'rate(5 minutes)' });
  runtime.hasResourceProperties('AWS::Scheduler::Schedule', {
    Name: 'health-check',
    ScheduleExpression: 'cron(0/30 * * * ? *)',
    State: 'ENABLED',
  });
});

test('data keys are unwrapped by validation, restores, their plans and restore tests only', () => {
  const holders = Object.entries(runtime.findResources('AWS::IAM::Policy'))
    .filter(([, policy]) => JSON.stringify(policy).includes('kms:Decrypt'))
    .map(([id]) => id.replace(/DefaultPolicy.*/, ''));

  assert.deepEqual(holders.sort(), [
    'StepsplanrecoveryRole',
    'StepsvalidatebackupRole',
    'TasksRestoreRole',
    'TasksRestoreTestRole',
  ]);
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
  // Nobody is let in by a function's own policy, but for the rule that says when a run has ended.
  const permissions = Object.values(runtime.findResources('AWS::Lambda::Permission'));
  assert.deepEqual(
    permissions.map(({ Properties }) => [Properties.Principal, Properties.FunctionName['Fn::GetAtt'][0].slice(0, 20)]),
    [['events.amazonaws.com', 'RequestsTakeFunction']],
  );
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
        '{"target":"orders","method":"logical","format":"custom","tier":"daily","scheduledTime":"<aws.scheduler.scheduled-time>","requestedBy":{"kind":"schedule","name":"orders-daily-logical"}}',
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

test('what plans a recovery may open keys, and read of a backup nothing but its manifest', () => {
  const [, policy] =
    Object.entries(runtime.findResources('AWS::IAM::Policy')).find(([id]) => id.startsWith('Stepsplanrecovery')) ?? [];
  const text = JSON.stringify(policy?.['Properties'].PolicyDocument);

  assert.ok(text.includes('/backups/*/manifest.json'), text);
  assert.ok(!text.includes('/backups/*"'), text);
});
