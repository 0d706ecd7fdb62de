import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { HoldfastError } from '../../../../lib/core/errors.ts';
import type { CaptureStream } from '../../../../lib/engines/engine.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { capture, save } from '../../saved-streams.ts';
import { contextFor, run, session } from '../run-engine.ts';
import { standbyOf } from './standby.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { startUnpacked, unpackBase, verifyBackup } from './unpack-base.ts';

const base = { method: 'base', format: 'base' } as const;
const engine = postgresEngine();

/** As `save`, with something done when the first bytes have come; nothing is read meanwhile. */
function interrupted(stream: CaptureStream, midway: () => Promise<void>): CaptureStream {
  return {
    ...stream,
    async open() {
      const opened = await stream.open();
      async function* bytes() {
        let isFirst = true;
        for await (const chunk of opened.bytes) {
          yield chunk;
          if (isFirst) await midway();
          isFirst = false;
        }
      }
      return { ...opened, bytes: bytes() };
    },
  };
}

async function captureInterrupted(server: PostgresServer, midway: () => Promise<void>) {
  using context = contextFor(server);
  const opened = await engine.capture(context, base);
  try {
    const [cluster] = opened.streams;
    return await save(interrupted(cluster as CaptureStream, midway));
  } finally {
    await opened.end();
  }
}

suite('a base backup', { concurrency: false }, () => {
  test('of a server that is restarted meanwhile fails, and may be tried again', async () => {
    await using server = await postgresServer({ major: 17 });

    const { record } = await captureInterrupted(server, () => server.restart());

    assert.deepEqual([record.status, record.error?.code], ['failed', 'source-interrupted']);
  });

  test('of a server that crashes meanwhile fails, and may be tried again', async () => {
    await using server = await postgresServer({ major: 15 });

    const { record } = await captureInterrupted(server, () => server.kill());

    assert.deepEqual([record.status, record.error?.code], ['failed', 'source-interrupted']);
  });

  test('that is stopped says so, and leaves nothing on the server, before its first byte as after it', async () => {
    await using server = await postgresServer({ major: 17, settings: { checkpoint_timeout: '30min' } });
    await run(server, 'postgres', `create table filler as select repeat('x', 1000) t from generate_series(1, 20000)`);
    const stopped = new HoldfastError('stopped', 'the run was asked to stop');
    const sessions = async (): Promise<unknown> => {
      await using client = await session(server, 'postgres');
      const { rows } = await client.query(
        `select count(*)::int as count from pg_stat_activity where application_name like 'holdfast%'
         union all select count(*)::int from pg_replication_slots`,
      );
      return rows;
    };

    const early = new AbortController();
    using first = contextFor(server, { signal: early.signal, options: { base: { checkpoint: 'spread' } } as object });
    const begun = engine.capture(first, base);
    setTimeout(() => early.abort(stopped), 500);
    await assert.rejects(begun, stopped);
    const late = new AbortController();
    using second = contextFor(server, { signal: late.signal });
    const opened = await engine.capture(second, base);
    const cluster = interrupted(opened.streams[0] as CaptureStream, async () => late.abort(stopped));
    const { record } = await save(cluster);
    await opened.end();

    assert.deepEqual([record.status, record.error?.code], ['failed', 'stopped']);
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; )
      if (JSON.stringify(await sessions()) === '[{"count":0},{"count":0}]') return;
    assert.deepEqual(await sessions(), [{ count: 0 }, { count: 0 }]);
  });

  for (const major of [15, 18] as const)
    test(`from a standby of ${major} holds what was replayed, and fails when the standby is promoted meanwhile`, async () => {
      await using stack = new AsyncDisposableStack();
      const primary = stack.use(await postgresServer({ major, settings: { full_page_writes: 'on' } }));
      await run(primary, 'postgres', 'create table noted as select 7 as id');
      const standby = stack.use(await standbyOf(primary, { major, folder: temporaryFolder(stack) }));
      using context = contextFor(standby);

      const saved = await capture(engine, context, base);
      const { record } = await captureInterrupted(standby, () => run(standby, 'postgres', 'select pg_promote()'));

      assert.equal(saved.get('cluster')?.record.error, undefined);
      const facts = saved.get('cluster')?.record.facts;
      assert.equal(facts?.['fromStandby'], true);
      assert.ok(Date.parse(String(facts['snapshotAt'])) <= Date.now());
      const data = await unpackBase(saved, temporaryFolder(stack));
      assert.match(await verifyBackup(standby.binDir, data), /backup successfully verified/);
      const copy = stack.use(await startUnpacked(data, major));
      await using client = await session(copy, 'postgres');
      assert.deepEqual((await client.query('select id from noted')).rows, [{ id: 7 }]);
      assert.deepEqual([record.status, record.error?.code], ['failed', 'source-interrupted']);
      assert.match(record.error?.message ?? '', /standby was promoted/);
    });

  test('outlives a store that takes nothing for longer than the server waits for a receiver', async () => {
    await using server = await postgresServer({ major: 17, settings: { wal_sender_timeout: '1s' } });

    const { record } = await captureInterrupted(server, () => pause(4000));

    assert.equal(record.status, 'complete');
  });

  test('brings its WAL along though the server writes and recycles more than it keeps', async () => {
    await using server = await postgresServer({ major: 17, settings: { max_wal_size: '32MB', min_wal_size: '32MB' } });
    await run(server, 'postgres', 'create table filler (t text)');

    const { record } = await captureInterrupted(server, async () => {
      for (let round = 0; round < 4; round++) {
        await run(server, 'postgres', `insert into filler select repeat('x', 1000) from generate_series(1, 30000)`);
        await run(server, 'postgres', 'checkpoint');
      }
    });

    assert.equal(record.status, 'complete');
  });

  test('of a server that had to throw its WAL away meanwhile fails, and says what to raise', async () => {
    await using server = await postgresServer({
      major: 17,
      settings: { max_wal_size: '32MB', min_wal_size: '32MB', max_slot_wal_keep_size: '16MB' },
    });
    await run(server, 'postgres', 'create table filler (t text)');

    const { record } = await captureInterrupted(server, async () => {
      for (let round = 0; round < 4; round++) {
        await run(server, 'postgres', `insert into filler select repeat('x', 1000) from generate_series(1, 30000)`);
        await run(server, 'postgres', 'checkpoint');
      }
    });

    assert.deepEqual([record.status, record.error?.code], ['failed', 'dump-failed']);
    assert.match(record.error?.hint ?? '', /max_slot_wal_keep_size/);
  });

  for (const major of [13, 15, 17, 18] as const)
    test(`of ${major} with a damaged page is all there, and lacks that page by its relation, file and block`, async () => {
      await using server = await postgresServer({ major });
      await run(server, 'postgres', 'create table bad as select * from generate_series(1, 5000) id');
      const file = await onlyFileOf(server, 'bad');
      await run(server, 'postgres', 'checkpoint');
      await server.stop();
      damage(server, file, 3);
      await server.start();
      using context = contextFor(server);

      const saved = await captureWithOmissions(context);

      assert.deepEqual(
        saved.omissions?.listed.map(({ item }) => item),
        [`block 3 of postgres.public.bad (${file})`],
      );
      assert.equal(saved.omissions?.count, 1);
      const { omissions, facts = {} } = saved;
      const stream = { format: 'pg-tar', kind: 'cluster', name: 'cluster', facts };
      const content = await engine.inspect(
        { ...stream, ...(omissions && { omissions }) },
        bytesOf(saved.chunks),
        context,
      );
      assert.deepEqual(content, saved.content);
      // Damage that the server did not find came later.
      await assert.rejects(engine.inspect(stream, bytesOf(saved.chunks), context), {
        code: 'corrupt',
        message: new RegExp(`block 3 of ${file} is not what its checksum says`),
      });
    });

  test('names damaged pages in whatever database and tablespace, of what all databases share too, and by their file alone where nobody gets in', async () => {
    await using server = await postgresServer({ major: 15 });
    const folder = path.join(server.dataDir, '..', 'fast');
    await run(server, 'postgres', `copy (select 1) to program 'mkdir -m 700 ${folder}'`);
    for (const statement of [
      `create tablespace fast location '${folder}'`,
      `create database "Or (ders)" tablespace fast`,
      'create database closed',
    ])
      await run(server, 'postgres', statement);
    await run(
      server,
      'Or (ders)',
      `create schema stock;
       create table stock."Item (old)" as select id, id as n from generate_series(1, 5000) id;
       create index item_n on stock."Item (old)" (n) tablespace pg_default;
       create table wide (t text);
       alter table wide alter t set storage external;
       insert into wide values (repeat('x', 100000))`,
    );
    await run(server, 'Or (ders)', 'vacuum stock."Item (old)"');
    await run(server, 'closed', 'create table kept as select * from generate_series(1, 5000) id');
    const item = await onlyFileOf(server, 'stock."Item (old)"', 'Or (ders)');
    const index = await onlyFileOf(server, 'stock.item_n', 'Or (ders)');
    const toastName = await valueIn(
      server,
      "select reltoastrelid::regclass::text as value from pg_class where relname = 'wide'",
      'Or (ders)',
    );
    const toast = await onlyFileOf(server, toastName, 'Or (ders)');
    const shared = await onlyFileOf(server, 'pg_shdescription');
    const kept = await onlyFileOf(server, 'kept', 'closed');
    await run(server, 'postgres', 'update pg_database set datallowconn = false where datname = $$closed$$');
    await run(server, 'postgres', 'checkpoint');
    await server.stop();
    damage(server, item, 3);
    damage(server, `${item}_fsm`, 0);
    damage(server, index, 2);
    damage(server, toast, 1);
    damage(server, shared, 0);
    damage(server, kept, 4);
    await server.start();
    using context = contextFor(server);

    const opened = await engine.capture(context, base);
    const [, cluster] = await Promise.all(
      opened.streams.slice(0, 2).map(async (stream) => {
        const { bytes, result } = await stream.open();
        for await (const _ of bytes);
        return result();
      }),
    );
    await opened.end();

    assert.match(item, /^pg_tblspc\//);
    assert.match(index, /^base\//);
    assert.deepEqual(
      cluster?.omissions?.listed.map(({ item: of }) => of).toSorted(),
      [
        `block 3 of "Or (ders)".stock."Item (old)" (${item})`,
        `block 0 of "Or (ders)".stock."Item (old)" (${item}_fsm)`,
        `block 2 of "Or (ders)".stock.item_n (${index})`,
        `block 1 of "Or (ders)".${toastName} of public.wide (${toast})`,
        `block 0 of pg_catalog.pg_shdescription (${shared})`,
        `block 4 of ${kept}`,
      ].toSorted(),
    );
  });
});

/** Changes a few bytes of a page on the disk of a server that is stopped. */
function damage(server: PostgresServer, file: string, block: number): void {
  const handle = openSync(path.join(server.dataDir, file), 'r+');
  writeSync(handle, Buffer.from('damage'), 0, 6, block * 8192 + 4000);
  closeSync(handle);
}

const onlyFileOf = (server: PostgresServer, table: string, database = 'postgres'): Promise<string> =>
  valueIn(server, `select pg_relation_filepath('${table}') as value`, database);

async function valueIn(server: PostgresServer, query: string, database: string): Promise<string> {
  await using client = await session(server, database);
  const { rows } = await client.query<{ value: string }>(query);
  return rows[0]?.value ?? '';
}

async function* bytesOf(chunks: readonly Buffer[]) {
  yield* chunks.map((chunk) => Buffer.from(chunk));
}

async function captureWithOmissions(context: ReturnType<typeof contextFor>) {
  const opened = await engine.capture(context, base);
  try {
    const { bytes, result } = await (opened.streams[0] as CaptureStream).open();
    const chunks: Buffer[] = [];
    for await (const chunk of bytes) chunks.push(Buffer.from(chunk));
    return { ...(await result()), chunks };
  } finally {
    await opened.end();
  }
}
