import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { postgresEngine } from '../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../servers/postgres.ts';
import { contextFor, run } from './run-engine.ts';

const engine = postgresEngine();
let archiving: PostgresServer;
before(async () => {
  archiving = await postgresServer({
    major: 17,
    settings: { archive_mode: 'on', archive_command: 'false', wal_keep_size: '0' },
  });
  await run(archiving, 'postgres', "create role nobody_much login password 'plain'");
});
after(() => archiving?.[Symbol.asyncDispose]());

test('WAL files that the archive does not take are counted', async () => {
  using context = contextFor(archiving);
  const before = await engine.health(context);
  for (let segment = 0; segment < 3; segment++) {
    await run(archiving, 'postgres', 'create table if not exists filler (n integer)');
    await run(archiving, 'postgres', 'insert into filler values (1)');
    await run(archiving, 'postgres', 'select pg_switch_wal()');
  }

  const after = await engine.health(context);

  assert.equal((after.unarchivedWalFiles ?? 0) - (before.unarchivedWalFiles ?? 0), 3);
  assert.match(after.serverVersion, /^17\./);
});

test('who may not look into the archive status is told what to grant, and is not told a number', async () => {
  using context = contextFor(archiving, { connection: { user: 'nobody_much', password: 'plain' } });

  const health = await engine.health(context);

  assert.equal(health.unarchivedWalFiles, null);
  assert.equal(health.note, 'unarchived WAL is not known: grant pg_monitor to "nobody_much"');
});

test('pg_monitor is grant enough', async () => {
  await run(archiving, 'postgres', "create role watcher login password 'plain' in role pg_monitor");
  using context = contextFor(archiving, { connection: { user: 'watcher', password: 'plain' } });

  assert.equal(typeof (await engine.health(context)).unarchivedWalFiles, 'number');
});

test('a server that archives nothing has nothing to count, and one that is away is an error of its kind', async () => {
  await using plain = await postgresServer({ major: 15 });
  using context = contextFor(plain);

  const health = await engine.health(context);
  await plain.stop();

  assert.deepEqual([health.unarchivedWalFiles, health.note], [null, 'the server archives no WAL']);
  await assert.rejects(engine.health(context), { name: 'source-unreachable' });
});
