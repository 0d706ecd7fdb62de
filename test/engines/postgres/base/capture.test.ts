import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { StreamRecord } from '../../../../lib/core/manifest.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { testedMajors } from '../../../../scripts/servers/postgres.ts';
import { postgresServer } from '../../../servers/postgres.ts';
import { capture, planned } from '../../saved-streams.ts';
import { contextFor, run, session } from '../run-engine.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { startUnpacked, unpackBase, verifyBackup } from './unpack-base.ts';

const base = { method: 'base', format: 'base' } as const;

for (const major of testedMajors) {
  suite(`a base backup of PostgreSQL ${major}`, { concurrency: false }, () => {
    test('holds every tablespace and what was committed up to its point in time, and the server finds it whole', async () => {
      await using stack = new AsyncDisposableStack();
      const folder = temporaryFolder(stack);
      const server = stack.use(await postgresServer({ major }));
      const place = temporaryFolder(stack, major < 15 ? ' odd "name' : ' odd "name\nof a folder');
      await run(server, 'postgres', `create tablespace "my ""odd"" space" location '${place}'`);
      await run(server, 'postgres', 'create table placed (id int) tablespace "my ""odd"" space"');
      await run(server, 'postgres', 'insert into placed select generate_series(1, 5000)');
      await run(server, 'postgres', 'create table noted (id int)');
      const acknowledged = stack.use(await writeAndNote(server));
      using context = contextFor(server);

      const saved = await capture(postgresEngine(), context, base);
      const notes = await acknowledged.stop();

      const records = [...saved.values()].map(({ record }) => record);
      assert.deepEqual(
        records.map(({ kind, status }) => [kind, status]),
        [
          ['tablespace', 'complete'],
          ['cluster', 'complete'],
          ['backup-manifest', 'complete'],
        ],
      );
      assert.equal(records[0]?.name, place);
      const facts = records[1]?.facts as StreamRecord['facts'];
      assert.deepEqual(Object.keys(facts).sort(), [
        'checksums',
        'endLsn',
        'fromStandby',
        'major',
        'restedSeconds',
        'segmentBytes',
        'serverVersion',
        'sizeBytes',
        'snapshotAt',
        'startLsn',
        'systemIdentifier',
        'tablespaces',
        'timeline',
      ]);
      const { fromStandby, checksums, segmentBytes, timeline } = facts;
      assert.deepEqual(
        { major: facts['major'], fromStandby, checksums, segmentBytes, timeline },
        { major, fromStandby: false, checksums: true, segmentBytes: 16_777_216, timeline: 1 },
      );
      for (const one of saved.values())
        assert.deepEqual(
          await postgresEngine().inspect(one.record, planned(one, '').open(), context),
          one.record.content,
        );

      const data = await unpackBase(saved, folder);
      assert.match(await verifyBackup(server.binDir, data), /backup successfully verified/);
      const copy = stack.use(await startUnpacked(data, major));
      await using client = await session(copy, 'postgres');
      const { rows } = await client.query<{ placed: number; noted: number[] }>(
        'select (select count(*)::int from placed) as placed, (select array_agg(id order by id) from noted) as noted',
      );
      assert.equal(rows[0]?.placed, 5000);
      const present = new Set(rows[0]?.noted);
      const promised = notes.filter(({ at }) => at <= Date.parse(String(facts['snapshotAt'])));
      assert.notEqual(promised.length, 0);
      assert.deepEqual(
        promised.filter(({ id }) => !present.has(id)),
        [],
      );
    });
  });
}

suite('what a server leaves out of a base backup', () => {
  test('a tablespace of which it sends nothing fails the backup, though its own manifest agrees', async () => {
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await postgresServer({ major: 13 }));
    const place = temporaryFolder(stack, ' of two\nlines');
    await run(server, 'postgres', `create tablespace lost location '${place}'`);
    await run(server, 'postgres', 'create table lost (id int) tablespace lost');
    using context = contextFor(server);

    const saved = await capture(postgresEngine(), context, base);

    const [tablespace] = saved.values();
    assert.equal(tablespace?.record.status, 'failed');
    assert.match(tablespace.record.error?.message ?? '', /sent nothing/);
  });
});

/** Commits rows as fast as it goes, one before it returns, and notes by the server's clock when each was acknowledged at the latest. */
async function writeAndNote(server: Parameters<typeof session>[0]) {
  const client = await session(server, 'postgres');
  const notes: { readonly id: number; readonly at: number }[] = [];
  let isDone = false;
  const note = async (id: number): Promise<void> => {
    await client.query(`insert into noted values (${id})`);
    const { rows } = await client.query<{ at: number }>(
      'select (extract(epoch from clock_timestamp()) * 1000)::float8 as at',
    );
    notes.push({ id, at: rows[0]?.at ?? Number.NaN });
  };
  await note(0);
  const writing = (async () => {
    for (let id = 1; !isDone; id++) await note(id);
  })();
  const stop = async () => {
    isDone = true;
    await writing;
    return notes;
  };
  return {
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await client.end();
    },
  };
}
