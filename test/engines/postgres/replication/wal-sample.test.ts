import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { parseLsn } from '../../../../lib/engines/postgres/replication/lsn.ts';
import { sampleWal } from '../../../../lib/engines/postgres/replication/wal-sample.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { until } from '../../../until.ts';
import { flushedLsn, withSql } from '../../../wal/receiver/receiving.ts';

// The writer that flushes what was committed asynchronously comes too late to meddle.
const settings = { synchronous_commit: 'off', wal_writer_delay: '10s', checkpoint_timeout: '1h' };

for (const major of [15, 17, 18] as const)
  suite(`where the WAL of PostgreSQL ${major} is`, { concurrency: false }, () => {
    let server: PostgresServer;
    before(async () => {
      server = await postgresServer({ major, settings });
    });
    after(() => server?.[Symbol.asyncDispose]());

    test('is behind everything that was acknowledged, flushed or not', async () => {
      await withSql(server, async (client) => {
        await client.query('create table acknowledged (n int)');
        await client.query('checkpoint');
        const notFlushed = 'select pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn() as so';
        // Should the writer come just now after all, it does not come again for ten seconds.
        const sample = await until(async () => {
          await client.query('insert into acknowledged select generate_series(1, 10)');
          const taken = await sampleWal(client);
          return (await client.query<{ so: boolean }>(notFlushed)).rows[0]?.so && taken;
        }, 'something that is not flushed');

        assert.ok(sample.lsn > (await flushedLsn(server)), `${sample.lsn}`);
        assert.equal(sample.isStandby, false);
      });
    });

    test('a segment that has only begun is not waited for', async () => {
      await withSql(server, async (client) => {
        await client.query('create table filled (n int)');
        await client.query('select pg_switch_wal()');

        const { lsn } = await sampleWal(client);

        assert.equal(lsn % (16n << 20n), 0n);
        assert.equal(lsn, await flushedLsn(server));
      });
    });

    test('a page that has only begun is not waited for', async () => {
      await withSql(server, async (client) => {
        const emit = async (bytes: bigint): Promise<bigint> => {
          await client.query("select pg_logical_emit_message(false, 'holdfast', repeat('x', $1::int))", [`${bytes}`]);
          const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
          return parseLsn(rows[0]?.lsn ?? '0/0');
        };
        let end = 0n;
        for (let round = 0; round < 20 && end % 8192n !== 24n; round++) {
          const from = await emit(512n);
          const overhead = (await emit(512n)) - from - 512n;
          const at = await emit(512n);
          end = await emit(8192n + 8192n - (at % 8192n) - overhead - 24n);
        }
        assert.equal(end % 8192n, 24n, 'a message ends where its page does');

        assert.equal((await sampleWal(client)).lsn, end - 24n);
      });
    });
  });
