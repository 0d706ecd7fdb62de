import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { formatLsn, parseLsn } from '../../../lib/engines/postgres/replication/lsn.ts';
import { openWal, walSystems } from '../../../lib/wal/open-wal.ts';
import { type PostgresServer, postgresServer } from '../../servers/postgres.ts';
import { until } from '../../until.ts';
import { bytesOf, target, type WalPlace, walPlace } from '../wal-place.ts';
import {
  confirmed,
  flushedLsn,
  pgbench,
  pgbenchLoad,
  receiving,
  slot,
  switchAndWait,
  walState,
  withSql,
} from './receiving.ts';

/** The server keeps all that it wrote, so that what was received can be held against it. */
const settings = { wal_keep_size: '4GB', max_wal_size: '2GB', full_page_writes: 'on' };

/** Every whole segment in the store, held against the server's own file; resolves with how many there are. */
async function compareSegments(place: WalPlace, server: PostgresServer, timeline = 1): Promise<number> {
  const [systemIdentifier = ''] = await walSystems(place, target);
  const wal = openWal(place.context, target, systemIdentifier);
  const segments = await wal.segments(timeline);
  const wholes = segments.filter(({ isWhole }) => isWhole);
  for (const { name } of wholes) {
    const stored = await bytesOf(wal.read(name));
    const own = await readFile(path.join(server.dataDir, 'pg_wal', name));
    assert.ok(stored.equals(own), `${name} differs`);
  }
  for (const [index, { start }] of segments.entries())
    assert.equal(start, segments[index - 1]?.end ?? start, 'there is a hole');
  return wholes.length;
}

const durable = async (place: WalPlace): Promise<bigint> => {
  const [systemIdentifier = ''] = await walSystems(place, target);
  const segments = await openWal(place.context, target, systemIdentifier).segments(1);
  return segments.at(-1)?.end ?? 0n;
};

function receiverProcess(place: WalPlace, { host, port, user, password }: PostgresServer): ChildProcess {
  const program = path.join(import.meta.dirname, 'receive-and-die.ts');
  const connection = JSON.stringify({ host, port, user, password, sslmode: 'disable' });
  const files = [path.join(place.folder, 'vault'), path.join(place.folder, 'holdfast.key')];
  return spawn(process.execPath, [program, ...files, connection, slot], { stdio: ['ignore', 'ignore', 'inherit'] });
}

for (const major of [15, 17, 18] as const) {
  describe(`WAL of PostgreSQL ${major}`, () => {
    test('is in the store byte for byte while pgbench runs', async () => {
      await using server = await postgresServer({ major, settings });
      await using place = await walPlace();
      await using receiver = receiving(place, server);
      await pgbench(server, '-i', '-s', '10', '-q');
      await pgbench(server, '-c', '4', '-T', '5', '-n');

      await switchAndWait(server);
      await receiver.stop();

      assert.ok((await compareSegments(place, server)) >= 8);
      const state = await until(() => walState(place), 'the health document');
      assert.equal(state.state, 'ended');
      assert.ok(Date.now() - Date.parse(state.restorablePoint ?? '') < 20_000);
      assert.equal(state.gap, null);
    });

    test('goes on where the store ends after the receiver was killed again and again', async () => {
      await using server = await postgresServer({ major, settings });
      await using place = await walPlace();
      await pgbench(server, '-i', '-s', '2', '-q');
      {
        await using _load = pgbenchLoad(server);
        for (let round = 0; round < 5; round++) {
          const before = await durable(place);
          const child = receiverProcess(place, server);
          try {
            await until(
              async () => (await durable(place)) > before && (await walSystems(place, target)).length > 0,
              'WAL',
            );
          } finally {
            child.kill('SIGKILL');
            await once(child, 'exit');
          }
        }
      }
      await using receiver = receiving(place, server);

      await switchAndWait(server);
      await receiver.stop();

      assert.ok((await compareSegments(place, server)) >= 3);
      assert.equal((await walState(place))?.gap, null);
    });

    test('follows a standby through its promotion to the next timeline', async () => {
      await using primary = await postgresServer({ major, settings });
      await using standby = await postgresServer({ major, settings, standbyOf: primary });
      await using place = await walPlace();
      await pgbench(primary, '-i', '-s', '1', '-q');
      await using receiver = receiving(place, standby);
      await until(async () => (await walState(place))?.state === 'receiving', 'the first WAL');
      await pgbench(primary, '-c', '2', '-T', '2', '-n');

      const sent = formatLsn(await flushedLsn(primary));
      await withSql(standby, async (client) => {
        const isThere = `select 1 from pg_last_wal_replay_lsn() as lsn where lsn >= '${sent}'`;
        await until(async () => (await client.query(isThere)).rowCount === 1, 'the standby to catch up');
        await client.query('select pg_promote()');
      });
      await pgbench(standby, '-c', '2', '-T', '2', '-n');
      await switchAndWait(standby);
      await receiver.stop();

      const [systemIdentifier = ''] = await walSystems(place, target);
      const wal = openWal(place.context, target, systemIdentifier);
      assert.deepEqual(await wal.timelines(), [1, 2]);
      const history = await readFile(path.join(standby.dataDir, 'pg_wal', '00000002.history'));
      assert.deepEqual(await wal.history(2), history);
      await compareSegments(place, standby, 2);
      const [first] = await wal.segments(1);
      const reach = await wal.reachable({ timeline: 1, lsn: formatLsn(first?.start ?? 0n) });
      assert.equal(reach.timeline, 2);
      assert.equal(reach.isGap, false);
      assert.ok(parseLsn(reach.lsn) >= (await confirmed(standby)));
    });
  });
}
