import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../../../lib/core/errors.ts';
import type { RestorePlan } from '../../../../lib/engines/engine.ts';
import { incompleteMark } from '../../../../lib/engines/postgres/recover/data-folder.ts';
import { restoreCluster } from '../../../../lib/engines/postgres/recover/restore-cluster.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { startOn } from '../../../servers/postgres-on-folder.ts';
import { until } from '../../../until.ts';
import { caughtUp } from '../base/standby.ts';
import { contextFor, run, session } from '../run-engine.ts';
import { archiveInto, folderLog, into, openFolder, type TestBase, takeBase } from './cluster-source.ts';

suite('recovering from a log that is not as it should be', { concurrency: false }, () => {
  const place = openFolder('faults');
  const archive = path.join(place.path, 'archive');
  let server: PostgresServer;
  let base: TestBase;
  const lsns: string[] = [];
  const times: string[] = [];

  before(async () => {
    mkdirSync(archive);
    chmodSync(archive, 0o777);
    server = await postgresServer({
      major: 17,
      settings: { archive_mode: 'on', archive_command: archiveInto(archive), max_wal_senders: '4' },
    });
    process.env['HOLDFAST_PG_BIN'] = server.binDir;
    await run(server, 'postgres', 'create table item (id int primary key)');
    base = await takeBase(server, path.join(place.path, 'base'), { major: 17 });
    // A row in each of three segments.
    for (const id of [1, 2, 3]) {
      await using client = await session(server, 'postgres');
      await client.query('insert into item values ($1)', [id]);
      const { rows } = await client.query<{ lsn: string; time: string }>(
        `select pg_current_wal_insert_lsn()::text as lsn,
                to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time`,
      );
      lsns.push(rows[0]?.lsn ?? '');
      times.push(rows[0]?.time ?? '');
      await client.query('select pg_switch_wal()');
    }
    await archived(archive, segmentNamed(5));
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    place[Symbol.dispose]();
  });

  const restoreInto = async (name: string, log: string, over: Partial<RestorePlan> = {}) => {
    const folder = path.join(place.path, name);
    using context = contextFor(server, { parallelJobs: 2 });
    const result = await restoreCluster(context, {
      ...{ streams: into(base, folder), source: {}, replace: false, log: folderLog(log) },
      ...over,
    });
    return { folder, result };
  };
  const itemsIn = async (folder: string): Promise<number[]> => {
    await using started = await startOn(folder, server.binDir);
    await using client = await session(started, 'postgres');
    const { rows } = await client.query<{ id: number }>('select id from item order by id');
    return rows.map(({ id }) => id);
  };
  /** A copy of the archive, changed. */
  const archiveWith = (name: string, change: (folder: string) => void): string => {
    const folder = path.join(place.path, name);
    cpSync(archive, folder, { recursive: true });
    change(folder);
    return folder;
  };

  test('a point beyond a missing segment is refused before anything is made, with its name and the last point', async () => {
    const log = archiveWith('gap', (folder) => rmSync(path.join(folder, segmentNamed(4))));

    await assert.rejects(restoreInto('beyond', log, { point: { kind: 'lsn', value: lsns[2] ?? '' } }), {
      code: 'point-unreachable',
      message: `LSN ${lsns[2]} cannot be reached: segment '${segmentNamed(4)}' is not in the store, and the last point before it is 0/4000000`,
    });
    assert.equal(existsSync(path.join(place.path, 'beyond')), false);
    const { folder } = await restoreInto('before the gap', log, { point: { kind: 'lsn', value: lsns[0] ?? '' } });
    assert.deepEqual(await itemsIn(folder), [1]);

    await assert.rejects(restoreInto('latest', log), {
      code: 'point-unreachable',
      hint: "say --to-lsn 0/4000000 for that one, or take a backup from after the gap: 'holdfast list' shows them",
    });
    const last = await restoreInto('last before the gap', log, { point: { kind: 'lsn', value: '0/4000000' } });
    assert.deepEqual(await itemsIn(last.folder), [1]);
  });

  test("a piece of the segment in which the backup ends does not take the place of the backup's own", async () => {
    const log = archiveWith('stopped', (folder) => {
      for (const number of [3, 4, 5]) rmSync(path.join(folder, segmentNamed(number)));
      const bytes = readFileSync(path.join(folder, segmentNamed(2)));
      rmSync(path.join(folder, segmentNamed(2)));
      // A receiver got as far as where the backup begins.
      writeFileSync(path.join(folder, `${segmentNamed(2)}.partial`), bytes.subarray(0, 200));
    });

    const { folder } = await restoreInto('without more', log);

    assert.deepEqual(await itemsIn(folder), []);
  });

  test('a segment whose records are damaged is no silent end of the log', async () => {
    const log = archiveWith('damaged', (folder) => {
      const file = path.join(folder, segmentNamed(4));
      const bytes = readFileSync(file);
      bytes.fill(0xa5, 40, 8000);
      writeFileSync(file, bytes);
    });

    let lastPoint = '';
    await assert.rejects(restoreInto('damage', log), (error: HoldfastError) => {
      assert.equal(error.code, 'point-unreachable');
      assert.match(
        error.message,
        /^the latest point was not reached: the log goes to 0\/6000000, and cannot be read beyond 0\/4000000$/,
      );
      const [, lsn = ''] =
        /^a segment there is damaged; --to-lsn (0\/3[0-9A-F]{6}) is the last point that can be reached$/.exec(
          error.hint ?? '',
        ) ?? [];
      lastPoint = lsn;
      return true;
    });
    const { folder } = await restoreInto('before the damage', log, { point: { kind: 'lsn', value: lastPoint } });
    assert.deepEqual(await itemsIn(folder), [1]);
  });

  test('damage where a standby was when it was backed up leaves the backup itself', async () => {
    const idle = path.join(place.path, 'idle');
    mkdirSync(idle);
    chmodSync(idle, 0o777);
    await using primary = await postgresServer({
      major: 17,
      settings: {
        ...{ archive_mode: 'on', archive_command: archiveInto(idle), full_page_writes: 'on' },
        // Its last checkpoint would else remove the segment that it is still sending.
        wal_keep_size: '256MB',
      },
    });
    await using standby = await postgresServer({ major: 17, settings: { full_page_writes: 'on' }, standbyOf: primary });
    await run(primary, 'postgres', 'create table item (id int primary key); insert into item values (1)');
    // The last record before the backup is then the checkpoint from which it recovers.
    await caughtUp(primary, standby);
    await primary.stop();
    await using client = await session(standby, 'postgres');
    const replayed = `select pg_last_wal_replay_lsn() > '${checkpointOf(primary)}' as "all"`;
    await until(async () => (await client.query<{ all: boolean }>(replayed)).rows[0]?.all, 'the standby to follow');
    await client.query('checkpoint');
    const atRest = await takeBase(standby, path.join(place.path, 'at rest'), { major: 17 });
    await primary.start();
    await run(primary, 'postgres', 'insert into item values (2); select pg_switch_wal()');
    await run(primary, 'postgres', 'insert into item values (3); select pg_switch_wal()');
    const [, segment = '', offset = ''] = /^0\/([0-9A-F]+)([0-9A-F]{6})$/.exec(atRest.endLsn) ?? [];
    const named = segmentNamed(Number.parseInt(segment, 16));
    await archived(idle, segmentNamed(Number.parseInt(segment, 16) + 1));
    const bytes = readFileSync(path.join(idle, named));
    bytes.fill(0xa5, Number.parseInt(offset, 16), Number.parseInt(offset, 16) + 8000);
    writeFileSync(path.join(idle, named), bytes);

    await assert.rejects(
      restoreInto('at the damage', idle, { streams: into(atRest, path.join(place.path, 'at the damage')) }),
      {
        code: 'point-unreachable',
        hint: 'a segment there is damaged; nothing of the log can be applied: leave the point out to restore the backup itself',
      },
    );
  });

  test('a store that fails in the middle of the log ends the recovery with its own reason', async () => {
    const log = folderLog(archive);
    const broken: RestorePlan['log'] = {
      ...log,
      async *read(name) {
        if (name === segmentNamed(4)) throw new HoldfastError('corrupt', `WAL '${name}' is not what was written`);
        yield* log.read(name);
      },
    };

    await assert.rejects(restoreInto('broken', archive, { log: broken }), {
      code: 'corrupt',
      message: `WAL '${segmentNamed(4)}' is not what was written`,
    });
    assert.equal(existsSync(path.join(place.path, 'broken')), false);
  });

  test('where the log forks, each timeline can be followed, the newest when nothing is said', async () => {
    const log = archiveWith('forked', (folder) => chmodSync(folder, 0o777));
    const { folder } = await restoreInto('promoted', log, { point: { kind: 'time', value: times[0] ?? '' } });
    {
      const started = await startOn(folder, server.binDir, {
        archive_mode: 'on',
        archive_command: archiveInto(log),
      });
      await using client = await session(started, 'postgres');
      await client.query('insert into item values (20)');
      const { rows } = await client.query<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name');
      await archived(log, rows[0]?.name ?? '');
      await client.end();
      await started[Symbol.asyncDispose]();
    }

    const newest = await restoreInto('newest', log);
    const first = await restoreInto('first', log, { timeline: 1 });

    assert.equal(newest.result.reached?.timeline, 3);
    assert.deepEqual(await itemsIn(newest.folder), [1, 20]);
    assert.deepEqual(await itemsIn(first.folder), [1, 2, 3]);
    await assert.rejects(restoreInto('nowhere', log, { timeline: 9 }), {
      code: 'point-unreachable',
      message: /^timeline 9 does not come from timeline 1/,
    });

    // Of the first timeline, which the second one left before it.
    const second = { kind: 'time', value: times[1] ?? '' } as const;
    await assert.rejects(restoreInto('between', log, { point: second }), {
      code: 'point-unreachable',
      message: /^time \S+ is of timeline 1, which was left at \S+ by a recovery to before .*; on the newer one nothing/,
    });
    const named = await restoreInto('named', log, { point: second, timeline: 1 });
    assert.deepEqual(await itemsIn(named.folder), [1, 2]);
  });

  for (const phase of ['unpack', 'recover']) {
    test(`a restore that is killed while it is in '${phase}' leaves a marked folder on which no server starts, and the next one begins anew`, async () => {
      const folder = path.join(place.path, `killed in ${phase}`);
      const child = spawn(
        process.execPath,
        [path.join(import.meta.dirname, 'restore-and-die.ts'), place.path, folder, phase],
        { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, HOLDFAST_PG_BIN: server.binDir } },
      );

      const [, signal] = await once(child, 'exit');

      assert.equal(signal, 'SIGKILL');
      assert.ok(readdirSync(folder).includes(incompleteMark));
      await assert.rejects(
        startOn(folder, server.binDir),
        /could not access the server configuration file|could not open file ".*\/global\/pg_control"|must specify "restore_command"/,
      );
      const { folder: again } = await restoreInto(`killed in ${phase}`, archive);
      assert.deepEqual(await itemsIn(again), [1, 2, 3]);
    });
  }

  test('of two restores into one folder at once one is refused, and the other is whole', async () => {
    const ends = await Promise.allSettled([restoreInto('both', archive), restoreInto('both', archive)]);

    const [refused] = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as HoldfastError] : []));
    assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal(refused?.code, 'lease-held');
    assert.deepEqual(await itemsIn(path.join(place.path, 'both')), [1, 2, 3]);
  });

  test('a disk that is too small is told before anything is fetched', async () => {
    const huge = base.streams.map((stream) => ({
      ...stream,
      destination: path.join(place.path, 'huge'),
      record: { ...stream.record, plainBytes: 2 ** 52 },
    }));

    await assert.rejects(restoreInto('huge', archive, { streams: huge }), {
      code: 'preflight-failed',
      message: /^4294967296 MiB are to be restored, and '.*' has \d+ MiB free$/,
    });
  });

  test('a tablespace that was made since the backup is not made again where its source has it', async () => {
    const place_ = path.join(server.dataDir, '..', 'made-later');
    await run(server, 'postgres', `copy (select 1) to program 'mkdir -m 700 ${place_}'`);
    await run(server, 'postgres', `create tablespace later location '${place_}'`);
    await run(server, 'postgres', 'create table kept tablespace later as select generate_series(1, 1000) as n');
    await using client = await session(server, 'postgres');
    const { rows } = await client.query<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name');
    await archived(archive, rows[0]?.name ?? '');
    await client.query('insert into kept select generate_series(1, 1000)');

    await assert.rejects(restoreInto('beside', archive), {
      code: 'preflight-failed',
      message:
        /^segment '[0-9A-F]{24}' of the log creates tablespace \d+ at '.*made-later', and that folder is in use here$/,
    });

    await client.query('checkpoint');
    await server.stop('fast');
    await server.start();
    await using again = await session(server, 'postgres');
    const { rows: kept } = await again.query<{ count: string }>('select count(*) from kept');
    assert.equal(kept[0]?.count, '2000');
  });
});

/** Where the last checkpoint of a stopped server is. */
function checkpointOf({ binDir, dataDir }: PostgresServer): string {
  const said = execFileSync(path.join(binDir, 'pg_controldata'), [dataDir], { encoding: 'utf8', env: { LC_ALL: 'C' } });
  return /^Latest checkpoint location: +(\S+)$/m.exec(said)?.[1] ?? '';
}

/** The segment's name on the first timeline. */
const segmentNamed = (number: number): string => `00000001${'0'.repeat(15)}${number.toString(16).toUpperCase()}`;

async function archived(folder: string, name: string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (existsSync(path.join(folder, name))) return;
    await delay(25);
  }
  throw new Error(`'${name}' was not archived: ${readdirSync(folder).join(', ')}`);
}
