import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CaptureStream, EngineContext } from '../../../../lib/engines/engine.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { contextFor, run, session, testTools } from '../run-engine.ts';

const engine = postgresEngine({ findTools: testTools });

suite('the pace of a dump of a real server', { concurrency: false }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await postgresServer({ major: 17 });
    await run(server, 'postgres', 'create database large');
    await run(
      server,
      'large',
      "create table item as select n, repeat('x', 1000) as body from generate_series(1, 35000) n",
    );
  });
  after(() => server?.[Symbol.asyncDispose]());

  test('beside others it rests, and says for how long', async () => {
    using context = contextFor(server, { connection: { databases: ['large'] }, options: { maxImpactPercent: 10 } });
    await using other = await session(server, 'postgres');
    let until = Number.POSITIVE_INFINITY;
    const work = (async () => {
      while (performance.now() < until) await other.query('select count(*) from pg_namespace');
    })();
    const workFor = (seconds: number): void => {
      until = Math.min(until, performance.now() + seconds * 1000);
    };

    const restedSeconds = await dumpSlowly(context, () => workFor(9)).finally(() => workFor(0));
    await work;

    assert.ok(restedSeconds >= 3, `it rested for ${restedSeconds} s`);
  });

  test('on a quiet server it does not rest', async () => {
    using context = contextFor(server, { connection: { databases: ['large'] }, options: { maxImpactPercent: 10 } });

    assert.equal(await dumpSlowly(context), 0);
  });
});

/** Reads the dump slowly enough for the server's counters to be seen moving; how long it rested. */
async function dumpSlowly(context: EngineContext, onFirst = () => {}): Promise<number> {
  const opened = await engine.capture(context, { method: 'logical', format: 'custom' });
  const stream = opened.streams.find(({ name }) => name === 'large') as CaptureStream;
  const { bytes, result } = await stream.open();
  let isFirst = true;
  for await (const _ of bytes) {
    if (isFirst) onFirst();
    isFirst = false;
    await delay(15);
  }
  await opened.end();
  return Number(result().facts['restedSeconds']);
}
