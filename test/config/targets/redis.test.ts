import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../lib/config/load.ts';

const parse = (target: string, environment: Record<string, string> = {}) =>
  parseConfig(
    `store: { kind: s3, bucket: my-vault, region: eu-central-1 }
encryption: { keys: kms }
targets:
  - { name: cache, engine: redis, connection: { host: cache.internal }${target} }
`,
    { file: 'holdfast.yaml', directory: '/srv/holdfast', environment },
  );

test('a Redis target needs no more than a host: TLS is verified, and it is backed up daily and weekly', () => {
  const [target] = parse('').targets;

  assert.deepEqual(target?.connection, { host: 'cache.internal', port: 6379, sslmode: 'verify-full' });
  assert.deepEqual(
    target?.backups.map(({ tier, method, format, schedule, retentionDays }) => [
      tier,
      method,
      format,
      schedule,
      retentionDays,
    ]),
    [
      ['daily', 'snapshot', 'rdb', '0 4 * * *', 7],
      ['weekly', 'snapshot', 'rdb', '0 3 * * 0', 28],
    ],
  );
});

test('schedule and retention follow the environment under the names of old', () => {
  const [target] = parse('', { REDIS_DAILY_SCHEDULE: '30 5 * * *', REDIS_WEEKLY_RETENTION: '56' }).targets;

  assert.deepEqual(
    target?.backups.map(({ schedule, retentionDays }) => [schedule, retentionDays]),
    [
      ['30 5 * * *', 7],
      ['0 3 * * 0', 56],
    ],
  );
});

test('what Redis does not have is refused with what it has', () => {
  const refused = (target: string, message: RegExp) =>
    assert.throws(() => parse(target), { code: 'config-invalid', message });

  refused(', backups: [{ tier: daily, format: custom, schedule: "0 4 * * *" }]', /format/);
  refused(', backups: [{ tier: daily, method: logical, schedule: "0 4 * * *" }]', /snapshot/);
  refused(', transfer: sometimes', /transfer/);
  refused(
    ', restoreTest: { assertions: [{ name: a, database: "0", sql: select 1, expect: { equals: 1 } }] }',
    /command/,
  );
});
