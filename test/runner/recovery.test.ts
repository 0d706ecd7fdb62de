import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Client } from 'pg';
import { newOperationId } from '../../lib/core/ids.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import { type RestoreRun, restoreRunSchema } from '../../lib/core/requests.ts';
import { planRestore } from '../../lib/runner/plan-restore.ts';
import { runRestoreTest } from '../../lib/runner/restore-test.ts';
import { receiveWal } from '../../lib/wal/receiver/receive-wal.ts';
import { type Installation, openInstallation, sourceTarget } from '../conformance/installation.ts';
import { openFolder } from '../engines/postgres/recover/cluster-source.ts';
import { databaseNames, run, session } from '../engines/postgres/run-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { startOn } from '../servers/postgres-on-folder.ts';
import { untilCovered } from '../wal/receiver/receiving.ts';

const flushSeconds = 0.5;

for (const major of [15, 17, 18] as const) {
  suite(`a server of PostgreSQL ${major} that was killed together with its disk, under load`, {
    concurrency: false,
  }, () => {
    const place = openFolder('killed');
    let destination: PostgresServer;
    let binDir: string;
    let installation: Installation;
    let base: Manifest;
    /** A moment under load, and when the disk was lost. */
    let middle: string;
    let lost: { readonly lastNumber: number; readonly at: number };
    /** By which row of the ledger what was acknowledged. */
    const acknowledged: { readonly number: number; readonly at: string; readonly seen: number }[] = [];

    before(async () => {
      const server = await postgresServer({ major, settings: { max_wal_senders: '6', synchronous_commit: 'on' } });
      binDir = server.binDir;
      destination = await postgresServer({ major });
      process.env['HOLDFAST_PG_BIN'] = binDir;
      process.env['RECOVERY_PASSWORD'] = server.password;
      const target = (name: string, { host, port, user }: PostgresServer): string =>
        `  - { name: ${name}, engine: postgres, connection: { host: ${host}, port: ${port}, user: ${user}, password: { env: RECOVERY_PASSWORD }, sslmode: disable } }\n`;
      installation = await openInstallation({
        algorithm: 'aes-256-gcm',
        targets: target('source', server) + target('destination', destination),
      });
      await promisify(execFile)(path.join(binDir, 'pgbench'), ['-i', '-s', '2', '-q', server.url('postgres')]);
      await run(
        server,
        'postgres',
        'create table ledger (number int primary key, at timestamptz default clock_timestamp())',
      );

      await installation.within(async (context) => {
        const stop = new AbortController();
        const { host, port, user, password } = server;
        const receiving = receiveWal(
          { ...context, signal: stop.signal },
          {
            target: sourceTarget,
            connection: async () => ({ host, port, user, password, sslmode: 'disable' }),
            settings: { slot: 'holdfast_source', flushSeconds },
            log: { info: () => {}, warn: () => {}, error: () => {} },
          },
        );
        receiving.catch(() => {});
        const load = spawn(path.join(binDir, 'pgbench'), ['-n', '-c', '4', '-T', '600', server.url('postgres')], {
          stdio: 'ignore',
        });
        const writing = writeLedger(server, acknowledged);
        base = await installation.backUp({ method: 'base', format: 'base', execution: 'first' });
        await delay(2000);
        middle = acknowledged.at(-1)?.at ?? '';
        await delay(3000);
        await untilCovered(context.store, sourceTarget, Date.parse(middle));

        const [last] = acknowledged.slice(-1);
        lost = { lastNumber: last?.number ?? 0, at: Date.now() };
        await server.kill();
        rmSync(server.dataDir, { recursive: true, force: true });
        await writing;
        await ended(load);
        await delay(1000);
        stop.abort();
        await receiving;
      });
      await server[Symbol.asyncDispose]();
    });
    after(async () => {
      await installation?.[Symbol.asyncDispose]();
      await destination?.[Symbol.asyncDispose]();
      place[Symbol.dispose]();
    });

    test('comes back in another place to within the flush interval, sound and consistent', async () => {
      const folder = path.join(place.path, 'latest');

      const restored = await installation.restore(base, { as: folder });

      assert.match(restored.databases[0]?.remarks.join('\n') ?? '', /^\d+ tables and indexes are sound$/m);
      assert.equal(restored.reached?.timeline, 2);
      await using started = await startOn(folder, binDir);
      await using client = await session(started, 'postgres');
      const { rows } = await client.query<{ last: number }>('select max(number) as last from ledger');
      const present = rows[0]?.last ?? 0;
      // What was acknowledged longer ago than two flushes, and the time that a commit takes to arrive.
      const due = acknowledged.filter(({ seen }) => seen < lost.at - 2 * flushSeconds * 1000).at(-1)?.number ?? 0;
      assert.ok(present >= due, `${present} of ${lost.lastNumber} are there, and ${due} were due`);
      await assertConsistent(client);
    });

    test('comes back as it was at a moment under load: all that was committed before, nothing after', async () => {
      const folder = path.join(place.path, 'middle');

      await installation.restore(base, { as: folder, point: { kind: 'time', value: middle } });

      await using started = await startOn(folder, binDir);
      await using client = await session(started, 'postgres');
      const { rows } = await client.query<{ last: number; count: string }>(
        'select max(number) as last, count(*) from ledger',
      );
      const expected = acknowledged.filter(({ at }) => at < middle).at(-1)?.number ?? 0;
      assert.ok(Math.abs((rows[0]?.last ?? 0) - expected) <= 1, `${rows[0]?.last} and not ${expected}`);
      assert.equal(Number(rows[0]?.count), rows[0]?.last);
      await assertConsistent(client);
    });

    test('gives one table of that moment to a server that runs', async () => {
      const restored = await installation.restore(base, {
        databases: ['postgres'],
        tables: ['public.ledger'],
        as: 'rescued',
        point: { kind: 'time', value: middle },
      });

      assert.equal(restored.databases[0]?.same, true);
      assert.ok((await databaseNames(destination)).includes('rescued'));
      await using client = await session(destination, 'rescued');
      const { rows } = await client.query<{ last: number; count: string }>(
        'select max(number) as last, count(*) from ledger',
      );
      assert.equal(Number(rows[0]?.count), rows[0]?.last);
    });

    test('is proved by a restore test at a moment between the backup and the end of its log', async () => {
      const now = new Date();
      const { restoreTest, failure } = await installation.within((context) =>
        runRestoreTest(context, {
          validationId: newOperationId(now),
          backupId: base.backupId,
          target: sourceTarget,
          reason: 'it was named',
          requestedBy: { kind: 'user' },
          execution: 'test',
          requestedAt: now.toISOString(),
        }),
      );

      assert.equal(failure, undefined);
      assert.ok(restoreTest.relations > 8);
      assert.ok(Date.parse(restoreTest.restoredPoint ?? '') > Date.parse(base.endedAt));
      assert.ok(Date.parse(restoreTest.restoredPoint ?? '') <= lost.at);
    });

    test('is not restored over anything, and a point beyond the log is refused at once with the last one', async () => {
      const folder = path.join(place.path, 'latest');
      await assert.rejects(installation.restore(base, { as: folder }), { code: 'target-not-empty' });

      const later = installation.restore(base, {
        as: path.join(place.path, 'later'),
        point: { kind: 'time', value: '2099-01-01T00:00:00.000Z' },
      });

      await assert.rejects(later, (error: { code?: string; message: string }) => {
        assert.equal(error.code, 'point-unreachable');
        assert.match(error.message, /^time 2099.* cannot be reached: the log in the store goes to 20\S+Z, \w+\/\w+$/);
        return true;
      });
      assert.equal(existsSync(path.join(place.path, 'later')), false);
    });

    test('is planned from names alone, and what is missing of log or backup is named', async () => {
      const planned = (point: object) =>
        installation.within((context) => planRestore(context, orderOf(base, { as: '/never', point })));
      const remove = (isMeant: (key: string) => boolean) =>
        installation.within(async ({ store }) => {
          for (const prefix of ['wal/', 'backups/'])
            for await (const { key } of store.list(prefix)) if (isMeant(key)) await store.delete(key);
        });

      const plan = await planned({ kind: 'time', value: middle });
      const { log } = plan;
      assert.deepEqual(
        [plan.engine, plan.backups, plan.point, plan.storedBytes],
        ['postgres', [base.backupId], `time ${middle}`, base.storedBytes],
      );
      assert.ok(log !== null && log.segments > 0 && log.last !== null, JSON.stringify(log));
      assert.deepEqual([log.timeline, log.bytes], [1, log.segments * 16 * 1024 * 1024]);
      assert.match(log.last, /^00000001[0-9A-F]{16}$/);

      await remove((key) => key.startsWith('wal/') && key.includes(log.last ?? ''));
      await assert.rejects(planned({ kind: 'lsn', value: log.reachable }), {
        code: 'point-unreachable',
        message: `LSN ${log.reachable} cannot be reached: segment '${log.last}' is not in the store, and the last point before it is ${log.lastSegmentFrom}`,
      });

      const object = base.streams[0]?.objects[0]?.key ?? '';
      await remove((key) => key === object);
      await assert.rejects(planned({ kind: 'latest' }), {
        code: 'object-missing',
        message: `object '${object}' of backup '${base.backupId}' is not in the store`,
      });
    });
  });
}

/** What a state machine would have planned. */
const orderOf = ({ backupId, target }: Manifest, over: object): RestoreRun =>
  restoreRunSchema.parse({
    ...{ recoveryId: newOperationId(new Date()), backupId, target, into: 'destination', databases: null },
    ...{ replace: false, requestedBy: { kind: 'user' }, execution: 'plan', requestedAt: new Date().toISOString() },
    ...over,
  });

/** Writes numbered rows, one transaction each, until the server is gone. */
async function writeLedger(
  server: PostgresServer,
  acknowledged: { readonly number: number; readonly at: string; readonly seen: number }[],
): Promise<void> {
  const client = await session(server, 'postgres');
  try {
    for (let number = 1; ; number++) {
      const { rows } = await client.query<{ at: string }>(
        `insert into ledger values ($1)
         returning to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
        [number],
      );
      acknowledged.push({ number, at: rows[0]?.at ?? '', seen: Date.now() });
      await delay(5);
    }
  } catch {
    // It was killed, as it was to be.
    await client.end().catch(() => {});
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** What pgbench keeps true in every transaction. */
async function assertConsistent(client: Client): Promise<void> {
  const { rows } = await client.query<Record<string, string>>(
    `select (select sum(abalance) from pgbench_accounts) as accounts, (select sum(bbalance) from pgbench_branches) as branches,
            (select sum(tbalance) from pgbench_tellers) as tellers, (select coalesce(sum(delta), 0) from pgbench_history) as history`,
  );
  const { accounts, branches, tellers, history } = rows[0] ?? {};
  assert.deepEqual([branches, tellers, history], [accounts, accounts, accounts]);
}
