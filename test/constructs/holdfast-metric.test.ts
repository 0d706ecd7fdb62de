import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duration } from 'aws-cdk-lib';
import { holdfastMetric } from '../../lib/constructs/holdfast-metric.ts';

test('a metric is refused under dimensions that it is not emitted with, where CloudWatch would wait for ever', () => {
  assert.throws(() => holdfastMetric('BackupSucceeded', { Target: 'orders' }, { period: Duration.hours(1) }), {
    message: "metric 'BackupSucceeded' has the dimensions 'Target, Method'",
  });
});
