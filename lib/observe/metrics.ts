import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { type MetricName, metricNamespace, metrics } from '../core/metrics.ts';

/**
 * Writes metrics in CloudWatch's embedded metric format, one line on stdout, under the names of the metric table. `dimensions` must be those
 * that the table says.
 */
export function emitMetrics(
  dimensions: Readonly<Record<string, string>>,
  values: Readonly<Partial<Record<MetricName, number>>>,
): void {
  const emitter = new Metrics({ namespace: metricNamespace, serviceName: 'holdfast' });
  emitter.clearDefaultDimensions();
  emitter.addDimensions({ ...dimensions });
  for (const [name, value] of Object.entries(values) as [MetricName, number][])
    emitter.addMetric(name, MetricUnit[metrics[name].unit], value);
  emitter.publishStoredMetrics();
}
