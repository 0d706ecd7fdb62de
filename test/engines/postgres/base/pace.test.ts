import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CaptureStream, EngineContext } from '../../../../lib/engines/engine.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { besideOthers } from '../pace/others-at-work.ts';
import { contextFor } from '../run-engine.ts';

const engine = postgresEngine();

suite('the pace of a base backup of a real server', { concurrency: false }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await postgresServer({ major: 17 });
  });
  after(() => server?.[Symbol.asyncDispose]());

  test('beside others it rests, and says for how long', async () => {
    using context = contextFor(server, { options: { maxImpactPercent: 10 } });

    const restedSeconds = await besideOthers(server, (begun) => readSlowly(context, begun));

    assert.ok(restedSeconds >= 3, `it rested for ${restedSeconds} s`);
  });

  test('on a quiet server it does not rest', async () => {
    using context = contextFor(server, { options: { maxImpactPercent: 10 } });

    assert.equal(await readSlowly(context), 0);
  });
});

/** Reads the backup slowly enough for the server's counters to be seen moving; how long it rested. */
async function readSlowly(context: EngineContext, onBytes = () => {}): Promise<number> {
  const opened = await engine.capture(context, { method: 'base', format: 'base' });
  const { bytes, result } = await (opened.streams[0] as CaptureStream).open();
  for await (const _ of bytes) {
    onBytes();
    await delay(25);
  }
  await opened.end();
  return Number(result().facts['restedSeconds']);
}
