import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { loadDemoData } from '../../../lib/local/demo/load-postgres.ts';
import { openEmbeddedPostgres, removeEmbeddedPostgres } from '../../../lib/local/postgres-server.ts';

test('the demo data are the same each time, are loaded once, and only a half-made database is made again', async (t) => {
  const root = await mkdtemp(path.join(tmpdir(), 'holdfast-demo-'));
  const dataDir = path.join(root, 'demo');
  t.after(async () => {
    removeEmbeddedPostgres(dataDir);
    await rm(root, { recursive: true, force: true });
  });
  await using server = await openEmbeddedPostgres({ dataDir });
  const ask = async (database: string, sql: string) => {
    const client = new pg.Client({ host: server.host, port: server.port, user: server.user, database });
    await client.connect();
    try {
      return (await client.query({ text: sql, rowMode: 'array' })).rows;
    } finally {
      await client.end();
    }
  };
  const steps: string[] = [];

  const first = await loadDemoData(server, (line) => steps.push(line));
  const second = await loadDemoData(server, () => assert.fail('there was nothing to do'));
  await ask('postgres', `comment on database "-h" is null`);
  await ask('-h', 'drop table notes');
  const third = await loadDemoData(server, (line) => steps.push(line));

  assert.deepEqual([first, second, third], [true, false, true]);
  assert.equal(steps.at(0), "demo data: database 'shop', step 1 of 7");
  assert.deepEqual(steps.slice(-2), ["demo data: database '-h', step 1 of 1", "demo data: database '-h', step 1 of 1"]);
  assert.deepEqual(await ask('shop', 'select count(*), sum(total) from shop.orders'), [['160000', '64999900.00']]);
  assert.deepEqual(await ask('shop', 'select count(*) from pg_largeobject_metadata'), [['26']]);
  assert.deepEqual(await ask('shop', "select encode(checksum, 'hex') from ledger.receipts where id = md5('1')::uuid"), [
    ['019a346a61ddd6526f1e8c8e35687488c651f12dcff9f2e017e7884de95df180'],
  ]);
  assert.deepEqual(await ask('shop', 'select pg_database_size(current_database()) between 9e7 and 1.3e8'), [[true]]);
  assert.deepEqual(await ask('-h', 'select count(*) from notes'), [['2000']]);
});
