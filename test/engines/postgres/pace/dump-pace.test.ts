import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CaptureStream, EngineContext } from '../../../../lib/engines/engine.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { contextFor, run, testTools } from '../run-engine.ts';
import { besideOthers } from './others-at-work.ts';

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

    const restedSeconds = await besideOthers(server, (begun) => dumpSlowly(context, begun));

    assert.ok(restedSeconds >= 3, `it rested for ${restedSeconds} s`);
  });

  test('on a quiet server it does not rest', async () => {
    using context = contextFor(server, { connection: { databases: ['large'] }, options: { maxImpactPercent: 10 } });

    assert.equal(await dumpSlowly(context), 0);
  });
});

/** Reads the dump slowly enough for the server's counters to be seen moving; how long it rested. */
async function dumpSlowly(context: EngineContext, onBytes = () => {}): Promise<number> {
  const opened = await engine.capture(context, { method: 'logical', format: 'custom' });
  const stream = opened.streams.find(({ name }) => name === 'large') as CaptureStream;
  const { bytes, result } = await stream.open();
  for await (const _ of bytes) {
    onBytes();
    await delay(15);
  }
  await opened.end();
  return Number(result().facts['restedSeconds']);
}
