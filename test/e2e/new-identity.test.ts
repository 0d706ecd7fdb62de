import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Manifest } from '../../lib/core/manifest.ts';
import { restoreRequestSchema, restoreRunSchema } from '../../lib/core/requests.ts';
import { admitRestore } from '../../lib/lifecycle/admit-restore.ts';
import { createRecorder } from '../../lib/lifecycle/recorder.ts';
import { releaseLeases } from '../../lib/lifecycle/release-leases.ts';
import { planRestore } from '../../lib/runner/plan-restore.ts';
import { type Installation, openInstallation } from '../conformance/installation.ts';
import { openFolder } from '../engines/postgres/recover/cluster-source.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { type CliEnd, runCli } from './run-cli.ts';

const place = openFolder('new-identity');
let server: PostgresServer;
let installation: Installation;
let base: Manifest;
let dump: Manifest;

before(async () => {
  server = await postgresServer({ major: 17, settings: { max_wal_senders: '4' } });
  process.env['HOLDFAST_PG_BIN'] = server.binDir;
  process.env['IDENTITY_PASSWORD'] = server.password;
  const { host, port, user } = server;
  const connection = `{ host: ${host}, port: ${port}, user: ${user}, password: { env: IDENTITY_PASSWORD }, sslmode: disable }`;
  installation = await openInstallation({
    algorithm: 'aes-256-gcm',
    targets: ['source', 'destination']
      .map((name) => `  - { name: ${name}, engine: postgres, connection: ${connection} }\n`)
      .join(''),
  });
  base = await installation.backUp({ method: 'base', format: 'base', execution: 'base' });
  dump = await installation.backUp({ method: 'logical', format: 'custom', execution: 'dump' });
});
after(async () => {
  await installation?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  place[Symbol.dispose]();
});

const cli = (...args: readonly string[]): Promise<CliEnd> => runCli([...args, '--config', installation.configFile]);

test('the store keeps the WAL of a copy that got a new identity apart from that of its source', async () => {
  const folder = path.join(place.path, 'copy');

  const restored = await cli('restore', base.backupId, '--as', folder, '--new-identity');

  assert.equal(restored.exitCode, 0, restored.stderr);
  const [, identifier = ''] =
    /^ {2}its system identifier is now (\d+); standbys of the source cannot follow it$/m.exec(restored.stdout) ?? [];
  const wal = path.join(folder, 'pg_wal');
  const [segment = ''] = readdirSync(wal).filter((name) => /^[0-9A-F]{24}$/.test(name));
  for (const name of ['00000002.history', segment]) {
    const pushed = await cli('wal', 'push', path.join(wal, name), '--target', 'source', '--data-directory', folder);
    assert.equal(pushed.exitCode, 0, pushed.stderr);
  }
  const systems = await installation.within(async ({ store }) => {
    const keys: string[] = [];
    for await (const { key } of store.list('wal/source/')) keys.push(key);
    return new Set(keys.map((key) => key.split('/')[2]));
  });
  assert.deepEqual(systems, new Set([identifier]));
  assert.notEqual(identifier, base.source['systemIdentifier']);
});

test('a new identity is refused for what is not promoted, and for what is no whole cluster', async () => {
  const folder = path.join(place.path, 'refused');
  const cases = [
    [/is not started$/, [base.backupId, '--as', folder, '--no-start']],
    [/a whole cluster gets one$/, [base.backupId, '--database', 'postgres', '--as', 'postgres_then']],
    [/a whole cluster gets one$/, [base.backupId]],
    [/is not of a whole server/, [dump.backupId]],
  ] as const;

  for (const [message, args] of cases) {
    const { error, stderr } = await cli('restore', ...args, '--new-identity', '--json');
    assert.equal(error.code, 'usage', stderr);
    assert.equal(error.exitCode, 2);
    assert.match(error.message, message);
  }
  assert.equal(readdirSync(place.path).includes('refused'), false);
});

test('a state machine passes the wish on, and it is refused before anybody is asked to approve it', async () => {
  const planned = (as: string) =>
    installation.within(async (context) => {
      const { config, store, clock } = context;
      const recorder = createRecorder({ store, catalog: undefined, warn: () => {} });
      const request = restoreRequestSchema.parse({
        ...{ backup: base.backupId, target: 'source', into: 'destination', as, newIdentity: true },
      });
      const asked = { request, execution: as, startedAt: '2026-11-21T02:00:00.000Z', redriveCount: 0, canWait: true };
      const admission = await admitRestore({ config, store, recorder, clock }, asked);
      if (admission.verdict !== 'admitted') throw new Error(JSON.stringify(admission));
      const run = restoreRunSchema.parse(JSON.parse(JSON.stringify(admission.run)));
      try {
        return { isNew: run.newIdentity, plan: await planRestore(context, run) };
      } finally {
        await releaseLeases(context, run);
      }
    });

  const { isNew, plan } = await planned('/srv/second');
  const parts = planned('then');

  assert.equal(isNew, true);
  assert.deepEqual(plan.backups, [base.backupId]);
  await assert.rejects(parts, { code: 'usage', message: /a whole cluster gets one$/ });
});
