import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { metrics } from '../../lib/core/metrics.ts';
import { parseProblemId } from '../../lib/core/problem-kinds.ts';
import { sourceFiles, sourceText } from '../../scripts/source-files.ts';
import { appOf, ordinary, statementsOf, templatesOf } from './synthesize.ts';

const { watch } = templatesOf();
const alarms = Object.values(watch.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);

test('the absence of a daily backup is noticed within its day, its longest run, and the hour that clocks take', () => {
  watch.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'holdfast-no-backup-orders-logical',
    ComparisonOperator: 'LessThanThreshold',
    Threshold: 1,
    EvaluationPeriods: 27,
    DatapointsToAlarm: 27,
    TreatMissingData: 'breaching',
    Metrics: Match.arrayWith([
      Match.objectLike({ Expression: 'FILL(m, 0)' }),
      Match.objectLike({
        MetricStat: {
          Metric: {
            Namespace: 'Holdfast',
            MetricName: 'BackupSucceeded',
            Dimensions: [
              { Name: 'Method', Value: 'logical' },
              { Name: 'Target', Value: 'orders' },
            ],
          },
          Period: 3600,
          Stat: 'Sum',
        },
      }),
    ]),
  });
});

test('every alarm says what to do, tells someone, and has decided what missing data means', () => {
  for (const alarm of alarms) {
    const [happened = '', means = ''] = alarm.AlarmDescription.split('\n');
    assert.match(happened, /^[A-Z].{20,}\.$/, alarm.AlarmName);
    assert.match(
      means,
      /^It means: .+\. First: '(holdfast|aws) .+'\. Runbook: docs\/runbooks\/[a-z-]+\.md$/,
      alarm.AlarmName,
    );
    assert.ok(existsSync(/Runbook: (\S+)$/.exec(means)?.[1] ?? ''), alarm.AlarmName);
    assert.ok(alarm.AlarmActions.length >= 1, alarm.AlarmName);
    assert.deepEqual(alarm.OKActions, alarm.AlarmActions, alarm.AlarmName);
    assert.match(alarm.TreatMissingData, /^(breaching|notBreaching)$/, alarm.AlarmName);
  }
});

test('no alarm looks back further than CloudWatch does', () => {
  for (const alarm of alarms) {
    const period =
      alarm.Period ??
      Math.max(...alarm.Metrics.map((metric: { MetricStat?: { Period: number } }) => metric.MetricStat?.Period ?? 0));
    const limitSeconds = period >= 3600 ? 7 * 86_400 : 86_400;
    assert.ok(alarm.EvaluationPeriods * period <= limitSeconds, alarm.AlarmName);
  }
});

test('every alarm is named after a problem that is known, so that both are one alert', () => {
  for (const { AlarmName } of alarms) assert.ok(parseProblemId(AlarmName.replace(/^holdfast-/, '')), AlarmName);
});

test('alarms about telling go to mail directly as well', () => {
  const twice = alarms.filter(({ AlarmActions }) => AlarmActions.length === 2).map(({ AlarmName }) => AlarmName);

  assert.deepEqual(twice.sort(), [
    'holdfast-alerts-undelivered',
    'holdfast-canary-silent-email',
    'holdfast-canary-silent-webhook',
    'holdfast-watch-silent',
  ]);
});

test('a log that is received meets the recovery point objective, however seldom a backup is taken', () => {
  const { watch: received } = templatesOf(
    ordinary.replace('engine: postgres', 'engine: postgres\n    rpoHours: 1\n    wal: { receive: true }'),
  );

  received.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'holdfast-rpo-exceeded-orders',
    MetricName: 'RestorablePointAge',
    Threshold: 3600,
  });
});

test('a recovery point objective is alarmed on where the schedule can meet it', () => {
  const { watch: hourly } = templatesOf(
    ordinary.replace('"0 2 * * *"', '"0 * * * *"').replace('engine: postgres', 'engine: postgres\n    rpoHours: 2'),
  );

  hourly.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'holdfast-rpo-exceeded-orders',
    MetricName: 'RestorablePointAge',
    Threshold: 7200,
    TreatMissingData: 'breaching',
  });
  assert.equal(
    alarms.some(({ AlarmName }) => AlarmName === 'holdfast-rpo-exceeded-orders'),
    false,
  );
  watch.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'holdfast-rto-exceeded-orders',
    MetricName: 'RestoreDuration',
    Threshold: 3600,
  });
});

test('a cleanup that was missed and requests that nobody takes raise alarms, the first only where there are cleanups', () => {
  watch.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'holdfast-missed-cleanup',
    MetricName: 'MissedCleanups',
    Statistic: 'Maximum',
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 0,
    Period: 900,
    TreatMissingData: 'notBreaching',
  });
  watch.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'holdfast-requests-waiting',
    MetricName: 'OldestRequestSeconds',
    Statistic: 'Maximum',
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 600,
    Period: 300,
    TreatMissingData: 'notBreaching',
  });
  const { watch: without } = templatesOf(`${ordinary}\nrun: { cleanup: false }\n`);
  assert.deepEqual(
    without.findResources('AWS::CloudWatch::Alarm', { Properties: { AlarmName: 'holdfast-missed-cleanup' } }),
    {},
  );
});

test('every metric of ours that is alarmed on is one that is emitted', () => {
  const names = [
    ...JSON.stringify(alarms).matchAll(
      /"MetricName":"(\w+)","Namespace":"Holdfast"|"Namespace":"Holdfast","MetricName":"(\w+)"/g,
    ),
  ].map(([, first, second]) => first ?? second ?? '');

  assert.ok(names.length >= 3);
  assert.deepEqual(
    names.filter((name) => !(name in metrics)),
    [],
  );
  const code = sourceFiles('lib', 'lambdas')
    .filter((file) => file !== 'lib/core/metrics.ts' && sourceText(file).includes('emitMetrics('))
    .map(sourceText)
    .join();
  assert.deepEqual(
    names.filter((name) => !new RegExp(`\\b${name}\\b`).test(code)),
    [],
  );
});

test('a target backed up weekly at most is left to the watch, with a warning', () => {
  const { watch: weekly } = templatesOf(ordinary.replace('"0 2 * * *"', '"0 2 * * 0"'));

  assert.deepEqual(
    weekly.findResources('AWS::CloudWatch::Alarm', { Properties: { AlarmName: 'holdfast-no-backup-orders-logical' } }),
    {},
  );
});

test('CloudWatch and EventBridge may publish alerts, each for this account only, and over TLS only', () => {
  const policies = Object.values(watch.findResources('AWS::SNS::TopicPolicy')).map(
    ({ Properties }) => Properties.PolicyDocument.Statement as readonly Record<string, unknown>[],
  );
  const allowed = policies.map((statements) =>
    statements
      .filter(({ Effect }) => Effect === 'Allow')
      .map(({ Principal, Action, Condition }) => [
        (Principal as { Service: string }).Service,
        Action,
        JSON.stringify(Condition),
      ]),
  );

  const here = JSON.stringify({ StringEquals: { 'aws:SourceAccount': '111122223333' } });
  const alarms = ['cloudwatch.amazonaws.com', 'sns:Publish', here];
  const rules = ['events.amazonaws.com', 'sns:Publish', here];
  assert.deepEqual(allowed, [[alarms, rules], [rules], [alarms]]);
  for (const statements of policies)
    assert.ok(
      statements.some(
        ({ Effect, Condition }) =>
          Effect === 'Deny' && JSON.stringify(Condition) === '{"Bool":{"aws:SecureTransport":"false"}}',
      ),
    );
});

test('the function that tells people listens to alerts and completions, and mail is sent to every address', () => {
  watch.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'ops@example.com' });
  const listens = watch.findResources('AWS::SNS::Subscription', { Properties: { Protocol: 'lambda' } });

  assert.deepEqual(
    Object.values(listens)
      .map(({ Properties }) => Properties.TopicArn.Ref.replace(/[0-9A-F]{8}$/, ''))
      .sort(),
    ['Alerts', 'AlertsCompletions'],
  );
  for (const { Properties } of Object.values(listens)) assert.ok(Properties.RedrivePolicy.deadLetterTargetArn);
  watch.hasResourceProperties('AWS::Lambda::Function', { DeadLetterConfig: { TargetArn: Match.anyValue() } });
});

test('each channel is proved once a day, and who is told by one channel only is warned', () => {
  watch.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'cron(0 8 * * ? *)',
    Target: { Input: '{"canary":true}' },
  });
  const { app, holdfast } = appOf(ordinary.replace(/, webhook: \S+/, ''));
  app.synth();

  const warnings = holdfast.watch.node
    .findAll()
    .flatMap(({ node }) => node.metadata.filter(({ type }) => type === 'aws:cdk:warning'));
  assert.match(JSON.stringify(warnings), /alerts go by email only/);
});

test('what tells people may do this and no more', () => {
  const statements = statementsOf(watch, 'AlertsNotifyRole');

  assert.deepEqual([...new Set(statements.flatMap(({ Action }) => Action))].sort(), [
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    's3:GetObject',
    's3:ListBucket',
    's3:PutObject',
    'sns:ListSubscriptionsByTopic',
    'sns:Publish',
    'sqs:SendMessage',
  ]);
  assert.doesNotMatch(JSON.stringify(statements), /backups|journal|leases/);
});
