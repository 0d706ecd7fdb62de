import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../lib/config/load.ts';

function load(target: string, environment: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-config-'));
  try {
    const file = path.join(folder, 'holdfast.yaml');
    const text = `store: { kind: file, path: store }\ntargets:\n  - { name: social, engine: neo4j, connection: { host: graph }${target} }\n`;
    writeFileSync(file, text);
    return loadConfig(file, environment).targets[0];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a Neo4j target is backed up daily at 03:00 and weekly on Sunday at 02:00 when nothing is said', () => {
  const target = load('');

  assert.deepEqual(
    target?.backups.map(({ tier, method, format, schedule, retentionDays }) => [
      tier,
      method,
      format,
      schedule,
      retentionDays,
    ]),
    [
      ['daily', 'logical', 'cypher', '0 3 * * *', 7],
      ['weekly', 'logical', 'cypher', '0 2 * * 0', 28],
    ],
  );
});

test('the environment changes its schedules and how long its backups are kept', () => {
  const target = load('', { NEO4J_DAILY_SCHEDULE: '30 4 * * *', NEO4J_WEEKLY_RETENTION: '35' });

  assert.deepEqual(
    target?.backups.map(({ schedule, retentionDays }) => [schedule, retentionDays]),
    [
      ['30 4 * * *', 7],
      ['0 2 * * 0', 35],
    ],
  );
});

test('a dump has a format of its own, and a service is stopped and started by commands', () => {
  const dump =
    ', home: /neo4j, service: { stop: [stop], start: [start] }, backups: [{ tier: weekly, method: dump, schedule: "0 2 * * 0" }]';

  assert.equal(load(dump)?.backups[0]?.format, 'dump');
  assert.throws(
    () => load(dump.replace('method: dump', 'method: dump, format: cypher')),
    /a dump backup has no format 'cypher'/,
  );
  assert.throws(() => load(', service: { stop: [stop] }'), /service/);
});

test('an assertion is asked in Cypher, of the database neo4j when none is named', () => {
  const asked = (question: string) =>
    load(`, restoreTest: { assertions: [{ name: some, ${question}, expect: { min: 1 } }] }`);

  assert.deepEqual(asked('cypher: "RETURN 1"')?.restoreTest, {
    ...load('')?.restoreTest,
    assertions: [{ name: 'some', cypher: 'RETURN 1', expect: { min: 1 }, database: 'neo4j' }],
  });
  assert.throws(() => asked('database: shop, sql: "select 1"'), /sql|cypher/);
});
