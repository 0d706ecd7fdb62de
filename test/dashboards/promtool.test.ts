import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prometheusText } from '../../lib/api/prometheus.ts';
import { figures, type Sample } from '../../lib/core/metrics.ts';
import { promtool } from '../servers/promtool.ts';

test('promtool finds nothing to say against the alert rules', async () => {
  const { code, output } = await promtool(['check', 'rules', 'dashboards/prometheus-rules.yaml']);

  assert.equal(code, 0, output);
  assert.match(output, /SUCCESS: 33 rules found/);
});

test('each alert fires when it should and not before', async () => {
  const { code, output } = await promtool(['test', 'rules', 'test/dashboards/prometheus-rules.test.yaml']);

  assert.equal(code, 0, output);
});

test('promtool takes the figures, with awkward labels; what is not known has no row', async () => {
  const samples: readonly Sample[] = [
    { figure: 'backupStatus', labels: { service: 'postgres', type: 'logical', target: 'orders' }, value: 1 },
    { figure: 'volumeUsed', labels: { volume: '/mnt/"a\\b"\n' }, value: 17 },
    { figure: 'catalogUp', labels: {}, value: 0 },
  ];

  const text = await prometheusText(samples);
  const { code, output } = await promtool(['check', 'metrics'], text);

  assert.equal(code, 0, output);
  assert.equal(output, '');
  assert.deepEqual(
    text.split('\n').filter((line) => line !== '' && !line.startsWith('#')),
    [
      'backup_status{service="postgres",type="logical",target="orders"} 1',
      'volume_used_bytes{volume="/mnt/\\"a\\\\b\\"\\n"} 17',
      'holdfast_catalog_up 0',
    ],
  );
  for (const { name } of Object.values(figures)) assert.ok(text.includes(`# TYPE ${name} gauge\n`), name);
});
