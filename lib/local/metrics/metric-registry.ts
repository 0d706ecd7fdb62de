import { Counter, Gauge, Registry } from 'prom-client';
import { asJsonObject, type Json, type JsonObject } from '../json.ts';

/**
 * Metrics of the embedded format as Prometheus reads them: `Holdfast`'s `BackupDuration` in Seconds with `Target` becomes
 * `holdfast_backup_duration_seconds{target="…"}`. A Count becomes a counter that grows; anything else a gauge of the last value.
 */
export class MetricRegistry {
  readonly registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();

  /** Takes one line of the embedded metric format. Parts that are not as the format says are passed over. */
  record(line: JsonObject): void {
    const directives = asJsonObject(line['_aws'])['CloudWatchMetrics'];
    for (const directive of list(directives).map(asJsonObject)) {
      const namespace = String(directive['Namespace'] ?? '');
      const dimensions = list(list(directive['Dimensions'])[0]).map(String);
      const labels = Object.fromEntries(dimensions.map((name) => [snake(name), String(line[name] ?? '')]));
      for (const metric of list(directive['Metrics']).map(asJsonObject))
        for (const value of [line[String(metric['Name'])]].flat())
          if (typeof value === 'number')
            this.#observe(`${snake(namespace)}_${snake(String(metric['Name']))}`, metric['Unit'], labels, value);
    }
  }

  #observe(name: string, unit: Json | undefined, labels: Readonly<Record<string, string>>, value: number): void {
    const labelNames = Object.keys(labels);
    if (unit === 'Count') {
      const counter =
        this.#counters.get(name) ??
        new Counter({ name: `${name}_total`, help: name, labelNames, registers: [this.registry] });
      this.#counters.set(name, counter);
      counter.inc(labels, Math.max(0, value));
      return;
    }
    const gauge =
      this.#gauges.get(name) ??
      new Gauge({
        name: withUnit(name, unit),
        help: name,
        labelNames,
        registers: [this.registry],
      });
    this.#gauges.set(name, gauge);
    gauge.set(labels, value);
  }
}

/** `…_stored_bytes` is not said twice. */
function withUnit(name: string, unit: Json | undefined): string {
  if (typeof unit !== 'string' || unit === 'None' || name.endsWith(`_${snake(unit)}`)) return name;
  return `${name}_${snake(unit)}`;
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

function snake(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
}
