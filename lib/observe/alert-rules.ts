import { stringify } from 'yaml';
import { prometheusRules } from '../core/prometheus-rules.ts';

/** The file of alert rules that Prometheus loads, made from the one table of figures. */
export function alertRulesFile(): string {
  const head =
    '# Made from lib/core/prometheus-rules.ts by scripts/write-dashboards.ts. Load it with rule_files in prometheus.yml.\n';
  return `${head}${stringify({ groups: [{ name: 'holdfast', rules: prometheusRules }] }, { lineWidth: 0 })}`;
}
