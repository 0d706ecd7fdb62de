import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { CaptureStream } from '../../../../lib/engines/engine.ts';
import { chooseSource } from '../../../../lib/engines/postgres/base/choose-source.ts';
import { connectionSchema } from '../../../../lib/engines/postgres/connection.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { readServer } from '../../../../lib/engines/postgres/server.ts';
import { tcpProxy } from '../../../faults/tcp-proxy.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { until } from '../../../until.ts';
import { contextFor, run, session } from '../run-engine.ts';
import { caughtUp } from './standby.ts';

const base = { method: 'base', format: 'base' } as const;
const engine = postgresEngine();

suite('where a base backup is read from', { concurrency: false }, () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  before(async () => {
    const settings = { full_page_writes: 'on', log_replication_commands: 'on' };
    primary = await postgresServer({ major: 17, settings });
    await run(primary, 'postgres', 'create table noted as select 7 as id');
    standby = await postgresServer({ major: 17, standbyOf: primary });
    await caughtUp(primary, standby);
  });
  after(async () => {
    await standby?.[Symbol.asyncDispose]();
    await primary?.[Symbol.asyncDispose]();
  });

  const contextWith = (standbys: readonly Pick<PostgresServer, 'host' | 'port'>[], maxStandbyLagSeconds = 300) =>
    contextFor(primary, {
      connection: { standbys: standbys.map(({ host, port }) => ({ host, port })) },
      options: { base: { maxStandbyLagSeconds }, backups: [base] } as object,
    });

  /** What a backup says of where it was read from. */
  const readFrom = async (context: ReturnType<typeof contextWith>) => {
    const capture = await engine.capture(context, base);
    try {
      const { bytes, result } = await (capture.streams[0] as CaptureStream).open();
      for await (const _ of bytes);
      const { facts, remarks } = result();
      return { from: capture.source['readFrom'], fromStandby: facts['fromStandby'], remarks };
    } finally {
      await capture.end();
    }
  };
  const address = ({ port }: PostgresServer): string => `127.0.0.1:${port}`;
  /** How often the primary was asked who it is. */
  const identifications = (): number =>
    readFileSync(path.join(primary.dataDir, '..', 'server.log'), 'utf8').split('command: IDENTIFY_SYSTEM').length - 1;
  const fromPrimary = (why: string) => ({
    from: address(primary),
    fromStandby: false,
    remarks: [`read from the primary: ${why}`],
  });

  test('is the first standby that follows, and it says so', async () => {
    using context = contextWith([standby]);

    const { remarks, ...read } = await readFrom(context);

    assert.deepEqual(read, { from: address(standby), fromStandby: true });
    const said = /^read from standby '(.*)', which was (\d+) bytes behind the primary$/.exec(remarks?.[0] ?? '');
    // What the server itself wrote a moment ago is the network's to bring.
    assert.deepEqual([said?.[1], Number(said?.[2]) < 64 * 1024], [address(standby), true], remarks?.[0]);
    assert.equal(remarks?.length, 1);
    assert.deepEqual(
      (await engine.probe(context)).findings.filter(({ message }) => /standby/.test(message)),
      [],
    );
  });

  test('is the server itself where no standby is configured, and nothing is said of it', async () => {
    using context = contextWith([]);

    assert.deepEqual(await readFrom(context), { from: undefined, fromStandby: false, remarks: undefined });
  });

  test('is the next standby, or the primary, where one is of another cluster', async () => {
    await using stranger = await postgresServer({ major: 18 });
    await using strangersStandby = await postgresServer({ major: 18, standbyOf: stranger });
    using context = contextWith([strangersStandby, strangersStandby, standby]);
    using alone = contextWith([strangersStandby]);

    const before = identifications();

    const { from, fromStandby } = await readFrom(context);
    const asked = identifications() - before;
    const { remarks } = await readFrom(alone);

    assert.deepEqual([from, fromStandby], [address(standby), true]);
    assert.equal(asked, 1, 'who the primary is, it is asked once');
    assert.match(
      remarks?.[0] ?? '',
      /^read from the primary: standby '127\.0\.0\.1:\d+' is of cluster \d+, and the primary of \d+$/,
    );
  });

  test('is the primary while the standby lags', async () => {
    await run(primary, 'postgres', 'update noted set id = 8');
    await caughtUp(primary, standby);
    await run(standby, 'postgres', 'select pg_wal_replay_pause()');
    await run(primary, 'postgres', `create table filler as select repeat('x', 1000) t from generate_series(1, 25000)`);
    await using client = await session(standby, 'postgres');
    const lagging = 'select clock_timestamp() > pg_last_xact_replay_timestamp() + interval $$2 seconds$$ as lags';
    await until(async () => (await client.query<{ lags: boolean }>(lagging)).rows[0]?.lags, 'the standby to lag');
    using context = contextWith([standby], 1);

    const { fromStandby, remarks } = await readFrom(context);

    assert.equal(fromStandby, false);
    assert.match(remarks?.[0] ?? '', /^read from the primary: standby '.*' is \d+ seconds and \d{8} bytes behind/);
    await client.query('select pg_wal_replay_resume()');
    await caughtUp(primary, standby);
  });

  test('is the primary while the standby is down', async () => {
    await standby.stop();
    using context = contextWith([standby]);

    assert.deepEqual(
      await readFrom(context),
      fromPrimary(
        `standby '${address(standby)}' cannot be used: database 'postgres' at '${address(standby)}': nothing listens there (ECONNREFUSED)`,
      ),
    );
    await standby.start();
  });

  test('is the primary wherever the session with a standby breaks while it is asked', async () => {
    await using network = await tcpProxy(standby.port);
    const broken = `127.0.0.1:${network.port}`;
    using context = contextWith([{ host: '127.0.0.1', port: network.port }]);
    const connection = connectionSchema.parse(context.connection);
    await using client = await session(primary, 'postgres');
    const own = { connection, client, server: await readServer(client), end: async () => {} };
    const choose = () => chooseSource(own, { maxStandbyLagSeconds: 300, signal: context.signal });
    const untroubled = await choose();
    await untroubled.end();
    const answers = network.bytes;

    const reasons = new Set<string>();
    for (let at = 1; at < answers; at += 50) {
      network.reset();
      network.at(at, network.cut);
      const chosen = await choose();
      await chosen.end();
      assert.equal(chosen.connection.port, primary.port);
      reasons.add(chosen.reason ?? '');
    }

    assert.equal(untroubled.connection.port, network.port);
    const refusal = `read from the primary: standby '${broken}' cannot be used: `;
    for (const reason of reasons) assert.ok(reason.startsWith(refusal), reason);
    for (const about of ["database 'postgres' at", 'what it was asked', "the server's answer to IDENTIFY_SYSTEM"])
      assert.ok(
        [...reasons].some((reason) => reason.startsWith(refusal + about) && reason.endsWith('the connection was lost')),
        `${about}: ${[...reasons].join('\n')}`,
      );
  });

  test('is the primary when the standby was promoted, of which a probe warns', async () => {
    await run(standby, 'postgres', 'select pg_promote()');
    using context = contextWith([standby]);
    const refusal = `standby '${address(standby)}' is no standby: was it promoted?`;

    assert.deepEqual(await readFrom(context), fromPrimary(refusal));
    const { findings } = await engine.probe(context);
    assert.deepEqual(
      findings.filter(({ message }) => /standby/.test(message)).map(({ level, message }) => [level, message]),
      [['warning', refusal]],
    );
  });
});

test('a base backup of a server that follows one that is promoted meanwhile is not believed', async () => {
  const settings = { full_page_writes: 'on' };
  await using primary = await postgresServer({ major: 17, settings });
  await using middle = await postgresServer({ major: 17, settings, standbyOf: primary });
  await using last = await postgresServer({ major: 17, settings, standbyOf: middle });
  await caughtUp(primary, last);
  using context = contextFor(last);
  const capture = await engine.capture(context, base);
  try {
    const { bytes } = await (capture.streams[0] as CaptureStream).open();
    const reading = bytes[Symbol.asyncIterator]();
    await reading.next();
    await run(middle, 'postgres', 'select pg_promote()');
    await run(middle, 'postgres', 'create table later as select 8 as id');
    await run(middle, 'postgres', 'checkpoint');
    await caughtUp(middle, last);
    await run(last, 'postgres', 'checkpoint');

    await assert.rejects(
      async () => {
        while (!(await reading.next()).done);
      },
      { code: 'source-interrupted', message: /went from timeline 1 to 2 during the backup/ },
    );
  } finally {
    await capture.end();
  }
});
