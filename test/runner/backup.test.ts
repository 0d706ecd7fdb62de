import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parseConfig } from '../../lib/config/load.ts';
import { targetNameSchema } from '../../lib/core/ids.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import { backupPrefix, leaseKey } from '../../lib/core/object-keys.ts';
import type { BackupRun } from '../../lib/core/requests.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { createRecorder } from '../../lib/lifecycle/recorder.ts';
import { partialFailure, runBackup } from '../../lib/runner/backup.ts';
import { withRunContext } from '../../lib/runner/context.ts';
import { readText } from '../../lib/store/text.ts';
import { run, session } from '../engines/postgres/run-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
  process.env['HOLDFAST_PG_BIN'] = server.binDir;
  for (const name of ['one', 'two']) {
    await run(server, 'postgres', `create database ${name}`);
    await run(server, name, 'create table item as select n as id from generate_series(1, 1000) n');
  }
});
after(() => server?.[Symbol.asyncDispose]());

/** A backup of the server into a directory store, admitted a while ago, and attempts at it as its tasks make them. */
async function admitted({ secondsAgo = 0 } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-runner-'));
  const vault = join(folder, 'vault');
  await mkdir(vault);
  await writeFile(join(folder, 'password'), server.password, { mode: 0o600 });
  const config = parseConfig(
    `store: { kind: file, path: ./vault }
encryption: { keys: none }
targets:
  - name: orders
    engine: postgres
    connection: { host: ${server.host}, port: ${server.port}, user: ${server.user}, password: { file: ${folder}/password }, sslmode: disable, databases: [one, two] }
`,
    { file: 'holdfast.yaml', directory: folder, environment: {} },
  );
  const inContext = <Result>(work: Parameters<typeof withRunContext<Result>>[1]): Promise<Result> =>
    withRunContext({ config, environment: {}, signal: new AbortController().signal, report: () => {} }, work);
  const order = await inContext(async ({ store }): Promise<BackupRun> => {
    const clock = () => new Date(Date.now() - secondsAgo * 1000);
    const recorder = createRecorder({ store, catalog: undefined, warn: () => {} });
    const request = { target: targetNameSchema.parse('orders') };
    const admission = await admitBackup(
      { config, store, recorder, clock },
      { request, execution: 'night', startedAt: '2026-11-21T02:00:00.000Z', redriveCount: 0 },
    );
    assert.equal(admission.verdict, 'admitted');
    return admission.run;
  });
  return {
    vault,
    attempt: (): Promise<Manifest> => inContext((context) => runBackup(context, order)),
    lease: (): Promise<{ until: string }> =>
      inContext(async ({ store }) => JSON.parse((await readText(store, leaseKey(order.target, order.method))) ?? '{}')),
    objects: (): Promise<string[]> =>
      inContext(async ({ store }) => {
        const keys: string[] = [];
        for await (const { key } of store.list(backupPrefix(order.target, order.backupId))) keys.push(key);
        return keys;
      }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

const dumpsBegun = (count: number) => untilDumps((running) => running >= count);
const dumpsEnded = () => untilDumps((running) => running === 0);

async function untilDumps(isEnough: (running: number) => boolean): Promise<void> {
  await using watcher = await session(server, 'postgres');
  for (;;) {
    const { rowCount } = await watcher.query(
      `select from pg_stat_activity where application_name like 'holdfast dump %'`,
    );
    if (isEnough(rowCount ?? 0)) return;
    await delay(20);
  }
}

test('a task that had to wait long for its start holds its lease for a whole new term', {
  timeout: 120_000,
}, async () => {
  await using backup = await admitted({ secondsAgo: 840 });
  await using blocker = await session(server, 'one');
  await blocker.query('begin; lock table item');

  const running = backup.attempt();
  await dumpsBegun(1);

  const lease = await backup.lease();
  await blocker.query('rollback');
  assert.ok(Date.parse(lease.until) - Date.now() > 800_000, `the lease runs out at ${lease.until}`);
  await running;
});

test('an attempt after one that published and could not say so finds the backup, and writes nothing', async () => {
  await using backup = await admitted();
  const published = await backup.attempt();
  const before = await backup.objects();

  const again = await backup.attempt();

  assert.deepEqual(again, published);
  assert.deepEqual(await backup.objects(), before);
});

test('when one stream ends the run, the others are ended too', { timeout: 120_000 }, async () => {
  await using backup = await admitted();
  await using first = await session(server, 'one');
  await using second = await session(server, 'two');
  for (const blocker of [first, second]) await blocker.query('begin; lock table item');

  const running = backup.attempt();
  running.catch(() => {});
  await dumpsBegun(2);
  // In one step: what is written to it meanwhile would be in the way of a removal.
  await rename(join(backup.vault, '.store'), join(backup.vault, 'gone'));
  await first.query('rollback');

  await assert.rejects(running, { code: 'store-unavailable' });
  await dumpsEnded();
});

test('of many parts that failed a few are told, since what a state machine hands on is small', async () => {
  await using backup = await admitted();
  const published = await backup.attempt();
  const [stream] = published.streams;
  assert.ok(stream);
  const error = { code: 'privilege-missing', message: 'may not', hint: 'grant it' };
  const streams = Array.from({ length: 500 }, (_, index) => ({
    ...stream,
    kind: 'database',
    name: `tenant_${index}`,
    status: 'failed' as const,
    error,
  }));

  assert.equal(
    partialFailure({ ...published, streams })?.message,
    "500 of 500 parts failed: database 'tenant_0': may not; database 'tenant_1': may not; database 'tenant_2': may not; " +
      "database 'tenant_3': may not; database 'tenant_4': may not and 495 more",
  );
});
