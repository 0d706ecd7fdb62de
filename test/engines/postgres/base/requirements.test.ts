import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { pageFindings } from '../../../../lib/engines/postgres/base/requirements.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { testContext } from '../../saved-streams.ts';
import { contextFor, run, session } from '../run-engine.ts';

const engine = postgresEngine();
const base = { method: 'base', format: 'base' } as const;

/** A context whose target has backups by these methods. */
function scheduled(server: Parameters<typeof contextFor>[0], ...methods: readonly string[]) {
  using context = contextFor(server);
  const { target, connection, parallelJobs } = context;
  return testContext({ target, connection, parallelJobs, options: { backups: methods.map((method) => ({ method })) } });
}

async function findings(server: Parameters<typeof contextFor>[0], ...methods: readonly string[]) {
  using context = scheduled(server, ...methods);
  const probe = await engine.probe(context);
  return probe.findings.filter(({ fix }) => !fix.startsWith('set the passwords anew'));
}

test('a server that was built with pages of another size is refused, and not found damaged later', () => {
  assert.deepEqual(pageFindings({ pageBytes: 8192, walPageBytes: 8192 }), []);
  assert.deepEqual(pageFindings({ pageBytes: 16_384, walPageBytes: 8192 }), [
    {
      level: 'error',
      code: 'preflight-failed',
      message:
        'the server was built with pages of 16384 bytes, and of 8192 in its WAL: physical backups are taken of servers with 8192, as all that are distributed have',
      fix: 'take dumps of it: backups of method logical',
    },
  ]);
});

suite('what a base backup needs of a server', { concurrency: false }, () => {
  test('is found missing by the probe where base backups are scheduled, and there alone', async () => {
    await using server = await postgresServer({ major: 17 });
    await run(server, 'postgres', `create role reader login password 'secret'; grant pg_read_all_data to reader`);
    const reader = { ...server, user: 'reader', password: 'secret' };

    assert.deepEqual(await findings(reader, 'logical'), []);
    assert.deepEqual(await findings(reader, 'base'), [
      {
        level: 'error',
        message: "user 'reader' may not replicate, and a base backup comes over the replication protocol",
        fix: 'alter role "reader" replication',
      },
    ]);
    await run(server, 'postgres', 'alter role reader replication');
    assert.deepEqual(await findings(reader, 'base'), []);
    assert.deepEqual(
      (await findings(reader, 'base', 'incremental')).map(({ message }) => message),
      ['summarize_wal is off, and an incremental backup is made of what the summaries of the WAL say'],
    );
  });

  test('is named by a run that lacks the privilege, with the statement that gives it', async () => {
    await using server = await postgresServer({ major: 15 });
    await run(server, 'postgres', `create role reader login password 'secret'; grant pg_read_all_data to reader`);
    using context = contextFor({ ...server, user: 'reader', password: 'secret' });

    await assert.rejects(engine.capture(context, base), {
      code: 'privilege-missing',
      message: "user 'reader' may not replicate, and a base backup comes over the replication protocol",
      hint: 'alter role "reader" replication',
    });
  });

  test('is a role that replicates and no more: it reads no table', async () => {
    await using server = await postgresServer({ major: 15 });
    await run(server, 'postgres', `create role copier login replication password 'secret'`);
    using context = contextFor({ ...server, user: 'copier', password: 'secret' });

    const opened = await engine.capture(context, base);
    await opened.end();

    assert.deepEqual(
      opened.streams.map(({ stream }) => stream),
      ['cluster', 'backup-manifest'],
    );
  });

  test('is a line in pg_hba.conf, which the probe and a run ask for', async () => {
    await using server = await postgresServer({ major: 17 });
    const file = path.join(server.dataDir, 'pg_hba.conf');
    writeFileSync(
      file,
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => !/^(local|host)\s+replication/.test(line))
        .join('\n'),
    );
    await run(server, 'postgres', 'select pg_reload_conf()');
    await reloaded(server, async () => (await findings(server, 'base')).length > 0);

    const [finding] = await findings(server, 'base');
    using context = contextFor(server);

    assert.match(finding?.message ?? '', /no pg_hba.conf entry for replication connection/);
    assert.match(finding?.fix ?? '', /host replication <user>/);
    await assert.rejects(engine.capture(context, base), { code: 'auth-failed', hint: /pg_hba\.conf/ });
  });

  test('are settings, all of which are named at once', async () => {
    await using server = await postgresServer({
      major: 17,
      settings: { wal_level: 'minimal', max_wal_senders: '0', max_replication_slots: '0', summarize_wal: 'off' },
    });
    using context = contextFor(server);

    const error = await engine.capture(context, base).then(
      () => assert.fail('a backup began'),
      (reason) => reason,
    );

    assert.equal(error.code, 'preflight-failed');
    for (const name of ['wal_level', 'WAL senders', 'replication slots']) assert.match(error.message, new RegExp(name));
    for (const name of ['wal_level', 'max_wal_senders', 'max_replication_slots'])
      assert.match(error.hint, new RegExp(name));
  });

  test('is a free replication slot, without which a run may be tried again', async () => {
    await using server = await postgresServer({ major: 17, settings: { max_replication_slots: '1' } });
    await run(server, 'postgres', `select pg_create_physical_replication_slot('taken')`);
    using context = contextFor(server);

    await assert.rejects(engine.capture(context, base), { code: 'source-busy', hint: /max_replication_slots/ });
  });

  test('before version 17 is a limit of what a slot keeps; differential backups cannot be had', async () => {
    await using server = await postgresServer({ major: 15 });

    assert.deepEqual(
      (await findings(server, 'base', 'incremental')).map(({ level, fix }) => [level, fix.slice(0, 26)]),
      [['warning', 'set max_slot_wal_keep_size']],
    );
    assert.deepEqual(
      (await findings(server, 'base', 'differential')).map(({ level, message }) => [level, message]),
      [
        [
          'error',
          'PostgreSQL 15 cannot tell what has changed since a base backup: differential backups need version 17',
        ],
      ],
    );
  });
});

/** Waits, by asking the server, until a reload has taken effect. */
async function reloaded(server: PostgresServer, isThere: () => Promise<boolean>): Promise<void> {
  await using client = await session(server, 'postgres');
  for (const deadline = Date.now() + 20_000; Date.now() < deadline && !(await isThere()); )
    await client.query('select pg_sleep(0.05)');
}
