import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { metrics } from '../../lib/core/metrics.ts';
import { ordinary, templatesOf } from './synthesize.ts';

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
    assert.match(alarm.AlarmDescription, /\. .{20,}/, alarm.AlarmName);
    assert.equal(alarm.AlarmActions.length, 1, alarm.AlarmName);
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
});

test('a target backed up weekly at most is left to the reconciler, with a warning', () => {
  const { watch: weekly } = templatesOf(ordinary.replace('"0 2 * * *"', '"0 2 * * 0"'));

  assert.deepEqual(
    weekly.findResources('AWS::CloudWatch::Alarm', { Properties: { AlarmName: 'holdfast-no-backup-orders-logical' } }),
    {},
  );
});

test('CloudWatch and EventBridge may publish alerts, over TLS only', () => {
  watch.hasResourceProperties('AWS::SNS::TopicPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        Match.objectLike({
          Effect: 'Allow',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Action: 'sns:Publish',
        }),
        Match.objectLike({ Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sns:Publish' }),
      ]),
    },
  });
});

test('alerts go to every address and to the webhook', () => {
  watch.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'ops@example.com' });
  watch.hasResourceProperties('AWS::SNS::Subscription', {
    Protocol: 'https',
    Endpoint: 'https://hooks.example.com/holdfast',
  });
});
