import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RestoreRun } from '../../lib/core/requests.ts';
import { runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { manifestOf, type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 100 } });
  folder = await stackFolder({ server });
  opened = await openStack(folder);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

test('a backup in format sql goes through the state machine, and comes back whole', async () => {
  const { run } = await opened.succeeded(opened.backup('orders', { format: 'sql' }));

  assert.deepEqual(
    manifestOf(folder, run)
      .streams.map(({ format }) => format)
      .sort(),
    ['pg_dump-sql', 'pg_dumpall-globals'],
  );

  await opened.succeeded(
    opened.restore({ backup: run.backupId, target: 'orders', databases: ['orders'], as: 'from_script' }),
  );

  assert.equal(await server.ask('from_script', 'select count(*) from orders'), '500');
});

test('a backup of the definitions alone is recorded as such, has a lease of its own, and is not the latest', async () => {
  const { run: whole } = await opened.succeeded(opened.backup('orders'));
  const execution = opened.backup('orders', { method: 'schema' });
  const { run } = await opened.succeeded(execution);

  assert.equal(manifestOf(folder, run).method, 'schema');
  const row = await opened.rowOf(execution);
  assert.deepEqual([row?.method, row?.type, row?.status], ['schema', 'SCHEMA', 'COMPLETED']);
  const { run: recovery } = await opened.succeeded<RestoreRun>(
    opened.restore({ backup: 'latest', target: 'orders', databases: ['orders'], as: 'latest_copy' }),
  );
  assert.equal(recovery.backupId, whole.backupId);
  assert.deepEqual(
    (await opened.catalog.lastCompleted()).map(({ backupId }) => backupId),
    [whole.backupId],
  );
});

test('one table is restored through the state machine into the live database', async () => {
  await opened.succeeded(opened.backup('orders'));
  await server.run('orders', 'delete from orders');

  await opened.succeeded(
    opened.restore({ backup: 'latest', target: 'orders', into: 'orders', tables: ['public.orders'], replace: true }),
  );

  assert.equal(await server.ask('orders', 'select count(*) from orders'), '500');
});

test('the settings verb shows each setting with its fix, and writes them out', async () => {
  const environment = folder.environment;
  const shown = await runCli(['postgres', 'settings', 'orders', '--memory', '1GiB', '--config', folder.configFile], {
    environment,
  });
  const fragment = await runCli(['postgres', 'settings', 'orders', '--write', 'conf', '--config', folder.configFile], {
    environment,
  });
  const group = await runCli(
    ['postgres', 'settings', 'orders', '--write', 'rds', '--json', '--config', folder.configFile],
    {
      environment,
    },
  );

  assert.equal(shown.exitCode, 0, shown.stderr);
  assert.match(shown.stdout, /shared_buffers.*about 256MB/);
  assert.match(fragment.stdout, /^wal_level = 'replica' +# /m);
  assert.equal(JSON.parse(group.stdout).Resources.ParameterGroup.Properties.Family, 'postgres17');
});
