import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configJsonSchema } from '../../lib/config/json-schema.ts';
import { loadConfig, parseConfig } from '../../lib/config/load.ts';
import { settingsTable } from '../../lib/config/settings-table.ts';
import { HoldfastError } from '../../lib/core/errors.ts';

const minimal = `store: { kind: s3, bucket: my-vault, region: eu-central-1 }
encryption: { keys: kms }
targets:
  - name: orders
    engine: postgres
    connection: { host: db.internal, port: 5432, user: backup, password: { secret: prod/orders }, sslmode: verify-full, databases: all }
    backups:
      - { tier: daily, method: logical, schedule: "0 2 * * *", timezone: Europe/Berlin, retention: 7d }
`;

const parse = (text: string, environment: Record<string, string> = {}) =>
  parseConfig(text, { file: 'holdfast.yaml', directory: '/srv/holdfast', environment });

const problemsOf = (text: string, environment: Record<string, string> = {}): string => {
  try {
    parse(text, environment);
  } catch (error) {
    assert.ok(error instanceof HoldfastError);
    assert.equal(error.code, 'config-invalid');
    return error.message;
  }
  throw new assert.AssertionError({ message: 'the configuration was accepted' });
};

test('the minimal form fills in every default', () => {
  const config = parse(minimal);

  assert.equal(config.encryption.algorithm, 'aes-256-gcm');
  assert.equal(config.run.timeoutSeconds, 7200);
  assert.equal(config.recovery.rtoMinutes, 60);
  assert.deepEqual(config.targets[0]?.backups, [
    {
      name: 'orders-daily-logical',
      tier: 'daily',
      method: 'logical',
      format: 'custom',
      schedule: '0 2 * * *',
      timezone: 'Europe/Berlin',
      retentionDays: 7,
      enabled: true,
    },
  ]);
});

test("a target without backups gets the engine's default schedules and retention", () => {
  const config = parse(minimal.replace(/ {4}backups:[\s\S]*/, ''));

  assert.deepEqual(
    config.targets[0]?.backups.map(({ tier, schedule, retentionDays }) => [tier, schedule, retentionDays]),
    [
      ['daily', '0 2 * * *', 7],
      ['weekly', '0 1 * * 0', 28],
      ['monthly', '0 0 1 * *', 365],
    ],
  );
});

test('every problem is listed with its path and line, unknown keys by name', () => {
  const message = problemsOf(
    minimal
      .replace('port: 5432', 'port: 99999')
      .replace('kind: s3,', 'kind: s3, buket: x,')
      .replace('0 2 * * *', '0 25 * * *'),
  );

  assert.match(message, /holdfast\.yaml:1: store\.buket: unknown key 'buket'/);
  assert.match(message, /holdfast\.yaml:6: targets\[0\]\.connection\.port: /);
  assert.match(message, /holdfast\.yaml:8: targets\[0\]\.backups\[0\]\.schedule: is not a cron schedule/);
});

test('a password in the clear is refused with the three ways to refer to one', () => {
  const message = problemsOf(minimal.replace('{ secret: prod/orders }', 'hunter2'));

  assert.match(
    message,
    /holdfast\.yaml:6: targets\[0\]\.connection\.password: must be a reference, \{ secret: name \}/,
  );
  assert.doesNotMatch(message, /hunter2/);
});

test('broken YAML is named with its line', () => {
  assert.match(problemsOf('store: { kind: s3\ntargets: ['), /holdfast\.yaml:\d: /);
});

test('the environment overrides the file and is named when it is wrong', () => {
  const config = parse(minimal, {
    COMPRESSION_LEVEL: '7',
    BACKUP_TIMEOUT: '600',
    PARALLEL_JOBS: '5',
    AWS_S3_BUCKET: 'other-vault',
    BACKUP_ENCRYPTION: 'AES-256-CBC',
    BACKUP_EMAIL_TO: 'a@example.com, b@example.com',
    POSTGRES_DAILY_SCHEDULE: '30 4 * * *',
    POSTGRES_DAILY_RETENTION: '14',
    RECOVERY_MODE: 'test',
  });

  assert.equal(config.compression.level, 7);
  assert.equal(config.run.timeoutSeconds, 600);
  assert.equal(config.run.parallelJobs, 5);
  assert.equal(config.store.kind === 's3' && config.store.bucket, 'other-vault');
  assert.equal(config.encryption.algorithm, 'aes-256-cbc');
  assert.deepEqual(config.alerts.emails, ['a@example.com', 'b@example.com']);
  assert.equal(config.targets[0]?.backups[0]?.schedule, '30 4 * * *');
  assert.equal(config.targets[0]?.backups[0]?.retentionDays, 14);
  assert.equal(config.recovery.mode, 'test');
  assert.match(problemsOf(minimal, { COMPRESSION_LEVEL: '12' }), /environment variable COMPRESSION_LEVEL: /);
  assert.match(
    problemsOf(minimal, { POSTGRES_DAILY_SCHEDULE: 'daily' }),
    /environment variable POSTGRES_DAILY_SCHEDULE: /,
  );
});

test('the environment alone turns a file store into a bucket, and back', () => {
  const file = minimal.replace(/^store: .*$/m, 'store: { kind: file, path: ./vault }');
  const bucket = { BACKUP_S3_ENABLED: 'true', AWS_S3_BUCKET: 'my-vault', AWS_S3_REGION: 'eu-west-1' };

  assert.deepEqual(parse(file, bucket).store, {
    kind: 's3',
    bucket: 'my-vault',
    region: 'eu-west-1',
    prefix: '',
    forcePathStyle: false,
  });
  assert.deepEqual(parse(file, { ...bucket, BACKUP_S3_ENABLED: 'false' }).store, {
    kind: 'file',
    path: '/srv/holdfast/vault',
  });
  assert.match(problemsOf(file, { AWS_S3_REGION: 'eu-west-1' }), /environment variable AWS_S3_REGION: /);
  assert.match(problemsOf(minimal, { BACKUP_EMAIL_TO: 'nobody' }), /environment variable BACKUP_EMAIL_TO: /);
});

test('one retention for all tiers does not shorten the compliance tier', () => {
  const yaml = minimal.replace('tier: daily', 'tier: compliance').replace('retention: 7d', 'retention: 7y');

  assert.equal(parse(yaml, { BACKUP_RETENTION_DAYS: '3' }).targets[0]?.backups[0]?.retentionDays, 2557);
  assert.equal(parse(minimal, { BACKUP_RETENTION_DAYS: '3' }).targets[0]?.backups[0]?.retentionDays, 3);
});

test('two targets of one name and two backups of one tier and method are refused', () => {
  const twice = `${minimal}${minimal.slice(minimal.indexOf('  - name'))}`;

  assert.match(problemsOf(twice), /targets\[1\]\.name: a second target is called 'orders'/);
  assert.match(
    problemsOf(`${minimal}      - { tier: daily, schedule: "0 3 * * *" }\n`),
    /a second daily logical backup/,
  );
});

test('relative paths are taken from the folder of the file', () => {
  const config = parse(
    minimal
      .replace(/^store.*$/m, 'store: { kind: file, path: ./vault }')
      .replace('{ secret: prod/orders }', '{ file: pw }'),
  );

  assert.equal(config.store.kind === 'file' && config.store.path, '/srv/holdfast/vault');
  assert.equal(config.encryption.keyFile, '/srv/holdfast/holdfast.key');
  assert.deepEqual(config.targets[0]?.connection.password, { file: '/srv/holdfast/pw' });
});

test('a missing file is its own error', () => {
  assert.throws(() => loadConfig('/nonexistent/holdfast.yaml', {}), { name: 'config-missing' });
});

test('the example configuration is valid and the JSON Schema for editors is current', () => {
  loadConfig('holdfast.example.yaml', {});

  assert.equal(
    readFileSync('holdfast.schema.json', 'utf8'),
    configJsonSchema(),
    "run 'node scripts/write-config-schema.ts'",
  );
});

test('the table of settings in the documentation is current', () => {
  const document = readFileSync('docs/configuration.md', 'utf8');

  assert.ok(document.includes(settingsTable()), "run 'node scripts/write-config-schema.ts'");
});

test('root certificates are taken in, so that tasks have them, and a file without any is refused', () => {
  const withRoots = (file: string) => minimal.replace('databases: all', `sslrootcert: ${file}, databases: all`);
  const pem = new URL('./fixtures/root.pem', import.meta.url).pathname;

  assert.equal(parse(withRoots(pem)).targets[0]?.connection.sslrootcert, readFileSync(pem, 'utf8'));
  assert.match(
    problemsOf(withRoots('missing.pem')),
    /target 'orders': connection\.sslrootcert: 'missing\.pem' is no readable PEM file/,
  );
});
