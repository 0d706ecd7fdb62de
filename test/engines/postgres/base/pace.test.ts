import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CaptureStream, EngineContext } from '../../../../lib/engines/engine.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { contextFor, session } from '../run-engine.ts';

const engine = postgresEngine();

suite('the pace of a base backup of a real server', { concurrency: false }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await postgresServer({ major: 17 });
  });
  after(() => server?.[Symbol.asyncDispose]());

  test('beside others it rests, and says for how long', async () => {
    using context = contextFor(server, { options: { maxImpactPercent: 10 } });
    await using other = await session(server, 'postgres');
    let until = Number.POSITIVE_INFINITY;
    const work = (async () => {
      while (performance.now() < until) await other.query('select count(*) from pg_namespace');
    })();
    const workFor = (seconds: number): void => {
      until = Math.min(until, performance.now() + seconds * 1000);
    };

    const restedSeconds = await readSlowly(context, () => workFor(9)).finally(() => workFor(0));
    await work;

    assert.ok(restedSeconds >= 3, `it rested for ${restedSeconds} s`);
  });

  test('on a quiet server it does not rest', async () => {
    using context = contextFor(server, { options: { maxImpactPercent: 10 } });

    assert.equal(await readSlowly(context), 0);
  });
});

/** Reads the backup slowly enough for the server's counters to be seen moving; how long it rested. */
async function readSlowly(context: EngineContext, onFirst = () => {}): Promise<number> {
  const opened = await engine.capture(context, { method: 'base', format: 'base' });
  const { bytes, result } = await (opened.streams[0] as CaptureStream).open();
  let isFirst = true;
  for await (const _ of bytes) {
    if (isFirst) onFirst();
    isFirst = false;
    await delay(25);
  }
  await opened.end();
  return Number(result().facts['restedSeconds']);
}
