import type { Duration } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { HoldfastError } from '../core/errors.ts';
import { type MetricName, metricNamespace, metrics } from '../core/metrics.ts';

/**
 * One of Holdfast's own metrics as alarms and dashboards take it. Throws when the dimensions are not those that it is emitted with: CloudWatch
 * would silently look at another metric, which nobody emits.
 */
export function holdfastMetric(
  name: MetricName,
  dimensions: Readonly<Record<string, string>>,
  { period, statistic = Stats.SUM }: { readonly period: Duration; readonly statistic?: string },
): Metric {
  const emitted: readonly string[] = metrics[name].dimensions;
  const given = Object.keys(dimensions);
  if (given.length !== emitted.length || !emitted.every((dimension) => given.includes(dimension))) {
    throw new HoldfastError('internal', `metric '${name}' has the dimensions '${emitted.join(', ')}'`);
  }
  return new Metric({
    namespace: metricNamespace,
    metricName: name,
    ...(given.length === 0 ? {} : { dimensionsMap: { ...dimensions } }),
    period,
    statistic,
  });
}
