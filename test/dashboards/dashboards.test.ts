import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { figures } from '../../lib/core/metrics.ts';
import { prometheusRules } from '../../lib/core/prometheus-rules.ts';
import { alertRulesFile } from '../../lib/observe/alert-rules.ts';
import { grafanaDashboard } from '../../lib/observe/grafana-dashboard.ts';

const names = new Set(Object.values(figures).map(({ name }) => name as string));
const namesIn = (text: string): string[] => text.match(/\b(?:backup|volume|holdfast)_[a-z_]+\b/g) ?? [];

test("the alert rules and the dashboard are what the table of figures gives (else run 'node scripts/bootstrap.mjs scripts/write-dashboards.ts')", () => {
  assert.equal(readFileSync('dashboards/prometheus-rules.yaml', 'utf8'), alertRulesFile());
  assert.equal(readFileSync('dashboards/grafana.json', 'utf8'), grafanaDashboard());
});

test('the names and labels that users have rules for are as they were', () => {
  const fixed = Object.values(figures)
    .filter(({ name }) => !name.startsWith('holdfast_'))
    .map(({ name, labels }) => `${name}{${labels.join()}}`);

  assert.deepEqual(fixed, [
    'backup_status{service,type,target}',
    'backup_age_hours{service,type,target}',
    'backup_size_bytes{service,type,target}',
    'backup_validation_status{service,type,target}',
    'backup_validation_duration{service,type,target}',
    'volume_health_status{volume}',
    'volume_usage_percent{volume}',
    'volume_used_bytes{volume}',
  ]);
});

test('every alert asks for a figure that there is, and has a runbook', () => {
  for (const { alert, expr, annotations } of prometheusRules) {
    assert.ok(namesIn(expr).length > 0, alert);
    assert.deepEqual(
      namesIn(expr).filter((name) => !names.has(name)),
      [],
      alert,
    );
    assert.ok(existsSync(annotations.runbook_url), annotations.runbook_url);
  }
});

test('the dashboard shows every figure, and none that there is not', () => {
  const shown = new Set(
    (JSON.parse(grafanaDashboard()) as { panels: { targets?: { expr: string }[] }[] }).panels.flatMap(({ targets }) =>
      (targets ?? []).flatMap(({ expr }) => namesIn(expr)),
    ),
  );

  assert.deepEqual([...shown].sort(), [...names].sort());
});
