import { Gauge, Registry } from 'prom-client';
import { type FigureName, figures, type Sample } from '../core/metrics.ts';

/** What Prometheus is told that the text is. */
export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** The samples in Prometheus's text format, with every figure of the table declared, whether it has a row or not. */
export async function prometheusText(samples: readonly Sample[]): Promise<string> {
  const registry = new Registry();
  const gauges = new Map<FigureName, Gauge>();
  for (const [figure, { name, help, labels }] of Object.entries(figures) as [
    FigureName,
    (typeof figures)[FigureName],
  ][])
    gauges.set(figure, new Gauge({ name, help, labelNames: [...labels], registers: [registry] }));
  // A gauge without labels is 0 until it is set, and what is not known must not look like 0.
  for (const [figure, gauge] of gauges) if (figures[figure].labels.length === 0) gauge.remove();
  for (const { figure, labels, value } of samples) gauges.get(figure)?.set({ ...labels }, value);
  return registry.metrics();
}
