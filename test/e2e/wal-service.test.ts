import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../lib/config/load.ts';
import { type WalState, walStateSchema } from '../../lib/core/health.ts';
import { targetNameSchema } from '../../lib/core/ids.ts';
import { walHealthKey } from '../../lib/core/object-keys.ts';
import { formatLsn, parseLsn } from '../../lib/engines/postgres/replication/lsn.ts';
import { openKeyProviderOf } from '../../lib/keys/open-key-provider.ts';
import { readAssembly } from '../../lib/local/assembly.ts';
import { systemClock } from '../../lib/local/schedules/scheduler.ts';
import { openLocalStack } from '../../lib/local/stack.ts';
import { synthesize } from '../../lib/local/synthesize.ts';
import { readDocument } from '../../lib/store/document.ts';
import { openS3Store } from '../../lib/store/s3-store.ts';
import { openWal } from '../../lib/wal/open-wal.ts';
import { denials, requestsOf, unusedGrants } from '../privilege/audit.ts';
import { readPolicies } from '../privilege/policies.ts';
import { postgresServer } from '../servers/postgres.ts';
import { minioServer } from '../servers/s3.ts';
import { until } from '../until.ts';
import { flushedLsn, pgbench, withSql } from '../wal/receiver/receiving.ts';

const target = targetNameSchema.parse('orders');

/** The receiver's process, as this process's stack runs it. */
function receiverProcess(): number | undefined {
  const line = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .find(
      (text) => text.includes('main.mjs wal receive orders') && text.trim().split(/\s+/)[1] === String(process.pid),
    );
  return line === undefined ? undefined : Number(line.trim().split(/\s+/)[0]);
}

test('the service of a target receives its WAL, is started again when it dies, and may do what it does and no more', async () => {
  await using server = await postgresServer({
    major: 17,
    settings: { wal_keep_size: '1GB', max_slot_wal_keep_size: '4GB', wal_sender_timeout: '5s' },
  });
  await using s3 = await minioServer();
  const bucket = await s3.newBucket();
  const root = mkdtempSync(join(tmpdir(), 'holdfast-wal-service-'));
  const settings = { bucket, region: s3.region, endpoint: s3.endpoint, forcePathStyle: true };
  const configFile = join(root, 'holdfast.yaml');
  writeFileSync(join(root, 'password'), server.password, { mode: 0o600 });
  const connection = {
    host: '127.0.0.1',
    port: server.port,
    user: server.user,
    password: { file: './password' },
    sslmode: 'disable',
  };
  writeFileSync(
    configFile,
    JSON.stringify({
      store: { kind: 's3', ...settings },
      encryption: { keys: 'kms' },
      targets: [{ name: target, engine: 'postgres', connection, wal: { receive: true, flushSeconds: 1 } }],
    }),
  );
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey });
  const store = openS3Store(settings);
  const stateOf = async (): Promise<WalState | undefined> =>
    (await readDocument(store, walHealthKey(target), walStateSchema)).value;
  const durable = async (lsn: bigint): Promise<boolean> => {
    const { rows } = await withSql(server, (client) =>
      client.query(`select 1 from pg_replication_slots where restart_lsn >= '${formatLsn(lsn)}'`),
    );
    return rows.length === 1;
  };
  let end = 0n;
  try {
    const config = loadConfig(configFile, {});
    const assembly = await synthesize({ configPath: configFile, outDir: join(root, 'assemblies') });
    const stack = await openLocalStack({
      assemblyDir: assembly,
      stateDir: join(root, 'state'),
      config,
      serve: true,
      port: 0,
      clock: { ...systemClock, now: () => new Date('2026-11-21T12:00:00Z') },
    });
    try {
      await until(async () => (await stateOf())?.state === 'receiving', 'the service');
      await pgbench(server, '-i', '-s', '3', '-q');
      const before = await flushedLsn(server);
      await until(() => durable(before), 'the first receiver');
      const first = receiverProcess() ?? assert.fail('there is no receiver');
      process.kill(first, 'SIGKILL');
      await pgbench(server, '-i', '-s', '3', '-q');
      end = await flushedLsn(server);
      await until(() => durable(end), 'the second receiver');
      assert.notEqual(receiverProcess(), first);
    } finally {
      await stack.close();
    }

    const state = await stateOf();
    assert.equal(state?.state, 'ended');
    const context = {
      store,
      config,
      openKeys: openKeyProviderOf,
      clock: () => new Date(),
      signal: new AbortController().signal,
    };
    const wal = openWal(context, target, state?.systemIdentifier ?? '');
    const [begun] = await wal.segments(1);
    const reach = await wal.reachable({ timeline: 1, lsn: formatLsn(begun?.start ?? 0n) });
    assert.equal(reach.isGap, false);
    assert.ok(parseLsn(reach.lsn) >= end);

    const policies = readPolicies(readAssembly(assembly), config.aws.region);
    const requests = requestsOf(await stack.calls.read()).filter(({ principal }) => /Walorders/.test(principal));
    assert.ok(requests.length > 5);
    assert.deepEqual(await denials(policies, requests), []);
    const unused = (await unusedGrants(policies, requests)).filter(
      ({ role, action }) => /Walorders.*TaskRole/.test(role) && action !== 'secretsmanager:GetSecretValue',
    );
    assert.deepEqual(unused, []);
  } finally {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  }
});
