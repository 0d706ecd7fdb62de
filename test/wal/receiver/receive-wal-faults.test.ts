import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { formatLsn, parseLsn } from '../../../lib/engines/postgres/replication/lsn.ts';
import { segmentName } from '../../../lib/engines/postgres/replication/wal-segments.ts';
import type { Store } from '../../../lib/store/store.ts';
import { openWal, walSystems } from '../../../lib/wal/open-wal.ts';
import { WalKeys } from '../../../lib/wal/wal-keys.ts';
import { walWriter } from '../../../lib/wal/write-wal.ts';
import { type PostgresServer, postgresServer } from '../../servers/postgres.ts';
import { until } from '../../until.ts';
import { target, type WalPlace, walPlace } from '../wal-place.ts';
import { confirmed, flushedLsn, pgbench, receiving, slot, switchAndWait, walState, withSql } from './receiving.ts';

const settings = { wal_keep_size: '4GB', max_wal_size: '2GB' };

const walOf = async (place: WalPlace) => {
  const [systemIdentifier = ''] = await walSystems(place, target);
  return openWal(place.context, target, systemIdentifier);
};

/** The same store, which takes so long for each object. */
const slow = (store: Store, milliseconds: number): Store =>
  new Proxy(store, {
    get: (_, name) => {
      if (name !== 'put') {
        const member: unknown = Reflect.get(store, name, store);
        return typeof member === 'function' ? member.bind(store) : member;
      }
      const put: Store['put'] = async (...args) => {
        await pause(milliseconds);
        return store.put(...args);
      };
      return put;
    },
  });

test('a fast shutdown of the server is not held up, and leaves nothing unstored', async () => {
  await using server = await postgresServer({ major: 17, settings });
  await using place = await walPlace();
  await using receiver = receiving(place, server, { flushSeconds: 300 });
  await pgbench(server, '-i', '-s', '1', '-q');
  await until(async () => (await walState(place))?.state === 'receiving', 'the first WAL');

  const beganAt = Date.now();
  await server.stop('fast');
  const seconds = (Date.now() - beganAt) / 1000;
  const shutdown = await lastCheckpoint(server);
  await server.start();

  assert.ok(seconds < 30, `it took ${seconds} s`);
  await until(async () => receiver.said.filter((line) => line.startsWith('receiving WAL')).length === 2, 'it is back');
  await receiver.stop();
  const wal = await walOf(place);
  const [first] = await wal.segments(1);
  const reach = await wal.reachable({ timeline: 1, lsn: formatLsn(first?.start ?? 0n) });
  assert.equal(reach.isGap, false);
  assert.ok(parseLsn(reach.lsn) > shutdown);
});

/** Where the last record of a server begins that was shut down in order. */
async function lastCheckpoint({ binDir, dataDir }: PostgresServer): Promise<bigint> {
  const { stdout } = await promisify(execFile)(path.join(binDir, 'pg_controldata'), [dataDir], {
    env: { LC_ALL: 'C' },
  });
  return parseLsn(/^Latest checkpoint location: +(\S+)$/m.exec(stdout)?.[1] ?? '');
}

test('pieces are stored every few seconds, and few are needed however many there were', async () => {
  await using server = await postgresServer({ major: 17, settings });
  await using place = await walPlace();
  await using receiver = receiving(place, server, { flushSeconds: 0.05 });
  await withSql(server, async (client) => {
    await client.query('create table ticks (n int)');
    await until(async () => (await walState(place))?.state === 'receiving', 'the first WAL');
    for (let round = 0; round < 60; round++) {
      await client.query('insert into ticks select generate_series(1, 100)');
      await client.query('select pg_log_standby_snapshot()').catch(() => undefined);
      const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn');
      const lsn = rows[0]?.lsn ?? '0/0';
      await until(
        async () =>
          (await client.query('select 1 from pg_replication_slots where restart_lsn >= $1::pg_lsn', [lsn])).rowCount,
        lsn,
      );
    }
  });
  await receiver.stop();

  const last = (await (await walOf(place)).segments(1)).at(-1);
  assert.equal(last?.isWhole, false);
  assert.ok((last?.pieces.length ?? 99) <= 20, `${last?.pieces.length} pieces make up the segment`);
});

test('a store that is slow holds the server back, not the memory, and loses nothing', async () => {
  await using server = await postgresServer({ major: 17, settings: { ...settings, wal_sender_timeout: '3s' } });
  await using place = await walPlace();
  await using receiver = receiving(place, server, { store: slow(place.store, 4000) });
  const before = process.memoryUsage().rss;
  await pgbench(server, '-i', '-s', '20', '-q');
  const peak = process.memoryUsage().rss;

  const end = await switchAndWait(server);
  await receiver.stop();

  assert.ok(peak - before < 512 * 1024 * 1024, `it grew by ${peak - before} bytes`);
  assert.deepEqual(
    receiver.said.filter((line) => line.includes('lost')),
    [],
    'the server thought its receiver dead',
  );
  const wal = await walOf(place);
  const segments = await wal.segments(1);
  const reach = await wal.reachable({ timeline: 1, lsn: formatLsn(segments[0]?.start ?? 0n) });
  assert.ok(parseLsn(reach.lsn) >= end);
});

test('a segment that the store has with other content ends the receiving, and stays as it is', async () => {
  await using server = await postgresServer({ major: 17, settings });
  await using place = await walPlace();
  await using first = receiving(place, server);
  await pgbench(server, '-i', '-s', '1', '-q');
  await switchAndWait(server);
  await first.stop();
  const wal = await walOf(place);
  const { systemIdentifier } = wal;
  const keys = new WalKeys(place.context, target, systemIdentifier);
  const writer = walWriter(place.context, { target, systemIdentifier }, () => keys.current());
  const { rows } = await withSql(server, (client) =>
    client.query<{ name: string }>('select pg_walfile_name(pg_current_wal_insert_lsn() + 16777216) as name'),
  );
  const name = rows[0]?.name ?? '';
  const segmentBytes = 16 * 1024 * 1024;
  await writer.write({ name, segmentBytes, plain: randomBytes(segmentBytes) });

  await using second = receiving(place, server);
  for (const table of ['more', 'yet_more']) {
    await withSql(server, (client) => client.query(`create table ${table} as select 1`));
    await withSql(server, (client) => client.query('select pg_switch_wal()'));
  }

  await assert.rejects(second.ended, { code: 'wal-conflict', message: /^the store has WAL '0{7}1\w{16}' of system/ });
  const state = await walState(place);
  assert.equal(state?.state, 'refused');
  assert.equal(state?.error?.code, 'wal-conflict');
});

test('a server that was set back is refused: it would write other bytes where the store has some', async () => {
  await using server = await postgresServer({ major: 17, settings });
  await using other = await postgresServer({ major: 17, settings, standbyOf: server });
  await using place = await walPlace();
  await other.stop();
  await using first = receiving(place, server);
  await pgbench(server, '-i', '-s', '1', '-q');
  await until(async () => (await walState(place))?.state === 'receiving', 'the first WAL');
  await switchAndWait(server);
  await first.stop();
  await server.stop();

  // The copy from before, brought up as a server of the same identity and timeline.
  await other.asPrimary();
  await assert.rejects(receiving(place, other).ended, {
    code: 'wal-conflict',
    message: /the server's WAL ends at .* of timeline 1, and the store's at .*: it was set back, or has lost its end/,
  });
});

test('a server that was set back and has written on since is refused, also where the store ends with a segment', async () => {
  await using server = await postgresServer({ major: 17, settings });
  await using place = await walPlace();
  await using first = receiving(place, server);
  await pgbench(server, '-i', '-s', '1', '-q');
  await switchAndWait(server);
  await first.stop();
  await server.stop();
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-set-back-'));
  try {
    const snapshot = path.join(folder, 'data');
    execFileSync('cp', ['-a', server.dataDir, snapshot]);
    await server.start();
    const end = await endWithSegment(place, server);
    await server.kill();

    await using older = await postgresServer({ major: 17, settings, data: snapshot });
    while ((await flushedLsn(older)) <= end) {
      await withSql(older, (client) => client.query('create table if not exists another (at timestamptz)'));
      await withSql(older, (client) => client.query('insert into another values (now())'));
      await withSql(older, (client) => client.query('select pg_switch_wal()'));
    }

    await assert.rejects(receiving(place, older).ended, {
      code: 'wal-conflict',
      message: /^the server's WAL '0{7}1\w{16}' differs from what the store has of it, up to byte 16777216$/,
    });
    const state = await walState(place);
    assert.deepEqual([state?.state, state?.durableLsn], ['refused', formatLsn(end)]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('where the store ends with a segment that the server has removed, receiving goes on without it', async () => {
  await using server = await postgresServer({ major: 17, settings: { wal_keep_size: '0', max_wal_size: '32MB' } });
  await using place = await walPlace();
  const end = await endWithSegment(place, server);
  const before = segmentName(1, end - 16_777_216n, 16_777_216);
  await withSql(server, (client) => client.query('checkpoint'));
  assert.equal(readdirSync(path.join(server.dataDir, 'pg_wal')).includes(before), false);

  await using second = receiving(place, server);
  const later = await switchAndWait(server);
  await second.stop();

  assert.ok(later > end);
  const wal = await walOf(place);
  assert.deepEqual(await wal.reachable({ timeline: 1, lsn: formatLsn(end - 1n) }), {
    ...(await wal.reachable({ timeline: 1, lsn: formatLsn(end) })),
    isGap: false,
  });
  assert.deepEqual(
    second.said.filter((line) => line.includes('lost')),
    [],
  );
});

/** Receives until the store's WAL ends where a segment does; resolves with that position. */
async function endWithSegment(place: WalPlace, server: PostgresServer): Promise<bigint> {
  for (;;) {
    await using receiver = receiving(place, server, { flushSeconds: 300 });
    await until(async () => (await walState(place))?.state === 'receiving', 'the receiver');
    await withSql(server, (client) => client.query('create table if not exists filled (at timestamptz)'));
    await withSql(server, (client) => client.query('insert into filled values (now())'));
    await withSql(server, (client) => client.query('select pg_switch_wal()'));
    const flushed = await flushedLsn(server);
    await until(async () => (await confirmed(server)) >= flushed, `the slot to reach ${flushed}`);
    await receiver.stop();
    const durable = parseLsn((await walState(place))?.durableLsn ?? '0/0');
    // The server may have noted something of its own meanwhile.
    if (durable % 16_777_216n === 0n) return durable;
  }
}

test('a slot that was removed is made again, and the store goes on without a hole while the server has what it needs', async () => {
  await using server = await postgresServer({ major: 17, settings });
  await using place = await walPlace();
  await using first = receiving(place, server);
  await pgbench(server, '-i', '-s', '1', '-q');
  await switchAndWait(server);
  await first.stop();
  await withSql(server, (client) => client.query('select pg_drop_replication_slot($1)', [slot]));
  await pgbench(server, '-i', '-s', '2', '-q');

  await using second = receiving(place, server);
  const end = await until(async () => {
    const lsn = await confirmed(server);
    return lsn > 0n && (await walState(place))?.state === 'receiving' && switchAndWait(server);
  }, 'the slot');
  await second.stop();

  const wal = await walOf(place);
  const [segment] = await wal.segments(1);
  const reach = await wal.reachable({ timeline: 1, lsn: formatLsn(segment?.start ?? 0n) });
  assert.equal(reach.isGap, false);
  assert.ok(parseLsn(reach.lsn) >= end);
  assert.equal((await walState(place))?.gap, null);
});

test('a receiver that was away until the server gave its slot up says what is lost, and goes on', async () => {
  await using server = await postgresServer({
    major: 17,
    settings: { max_slot_wal_keep_size: '32MB', max_wal_size: '32MB', min_wal_size: '32MB', wal_keep_size: '0' },
  });
  await using place = await walPlace();
  await using first = receiving(place, server);
  await pgbench(server, '-i', '-s', '1', '-q');
  const switched = await switchAndWait(server);
  await first.stop();
  const before = (await walState(place))?.durableLsn ?? '';
  assert.ok(parseLsn(before) >= switched);
  for (let round = 0; round < 10; round++) {
    await pgbench(server, '-i', '-s', '2', '-q');
    await withSql(server, (client) => client.query('select pg_switch_wal(); checkpoint'));
  }

  await using second = receiving(place, server);
  const gap = await until(async () => (await walState(place))?.gap ?? undefined, 'the gap');
  await switchAndWait(server);
  await second.stop();

  assert.equal(gap.from, before);
  assert.ok(second.said.some((line) => /^WAL from \S+ to \S+ is lost: /.test(line)));
  const wal = await walOf(place);
  const [segment] = await wal.segments(1);
  const reach = await wal.reachable({ timeline: 1, lsn: formatLsn(segment?.start ?? 0n) });
  assert.equal(reach.isGap, true);
  assert.equal(reach.lsn, before);
});

test('the point advances when the session that asks for it was ended by an administrator', async () => {
  await using server = await postgresServer({ major: 17, settings });
  await using place = await walPlace();
  await using receiver = receiving(place, server, { flushSeconds: 0.2 });
  await until(async () => (await walState(place))?.restorablePoint, 'the first point');

  const ended = await withSql(server, async (client) => {
    const { rows } = await client.query<{ at: Date }>(
      `select now() as at, pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'holdfast-wal' and backend_type = 'client backend'`,
    );
    return rows[0]?.at;
  });
  assert.ok(ended);
  await until(
    () =>
      withSql(server, async (client) => {
        const asked = await client.query(
          `select from pg_stat_activity where application_name = 'holdfast-wal' and backend_type = 'client backend'
           and state = 'idle' and query_start > $1 and query like '%from pg_replication_slots%'`,
          [ended],
        );
        return asked.rowCount === 1;
      }),
    'another session to have asked',
  );
  await switchAndWait(server);
  await receiver.stop();

  const point = Date.parse((await walState(place))?.restorablePoint ?? '');
  assert.ok(point > ended.getTime(), 'the point stood still');
  assert.equal(receiver.said.filter((line) => line.startsWith('receiving WAL')).length, 1, 'the stream was ended');
});
