import { mkdirSync, writeFileSync } from 'node:fs';
import { alertRulesFile } from '../lib/observe/alert-rules.ts';
import { grafanaDashboard } from '../lib/observe/grafana-dashboard.ts';

mkdirSync('dashboards', { recursive: true });
writeFileSync('dashboards/prometheus-rules.yaml', alertRulesFile());
writeFileSync('dashboards/grafana.json', grafanaDashboard());
