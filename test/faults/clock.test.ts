import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ensureFaketime } from '../../scripts/servers/faketime.ts';
import { type SourceServer, sourceServer } from '../e2e/source-server.ts';
import { leaseOf, manifestOf, type OpenStack, openStack, type StackFolder, stackFolder } from '../e2e/stack-fixture.ts';
import { collectProgress, until } from './task-processes.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;
let progressOf: ReturnType<typeof collectProgress>;
/** How far the clocks of functions, tasks and their children are off, which they look up every time that they ask for the time. */
let offBy: (offset: string) => void;

before(async () => {
  const faketime = await ensureFaketime(() => {});
  server = await sourceServer({ orders: { noiseKilobytes: 1500 } });
  folder = await stackFolder({ server, run: { rateLimitBytesPerSecond: 1_000_000 } });
  const file = join(folder.root, 'clock');
  offBy = (offset) => writeFileSync(file, `${offset}\n`);
  offBy('+0');
  opened = await openStack(folder, {
    environment: {
      ...folder.environment,
      LD_PRELOAD: faketime,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
  });
  progressOf = collectProgress(opened);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

const hours = (from: string | Date, to: string): number =>
  Math.round((Date.parse(to) - new Date(from).getTime()) / 3_600_000);

test('programs whose clocks are an hour ahead, and then an hour behind, take whole backups one after the other', async () => {
  const realBegin = new Date();
  offBy('+3600');
  const { run: ahead } = await opened.succeeded(opened.backup('orders'));
  offBy('-3600');
  const { run: behind } = await opened.succeeded(opened.backup('orders'));
  offBy('+0');
  const { run: right } = await opened.succeeded(opened.backup('orders'));

  const manifests = [ahead, behind, right].map((run) => manifestOf(folder, run));
  assert.deepEqual(
    manifests.map(({ beganAt }) => hours(realBegin, beganAt)),
    [1, -1, 0],
  );
  assert.deepEqual(
    manifests.map(({ status }) => status),
    ['complete', 'complete', 'complete'],
  );
  // Kept for 28 days by the clock that made it: an hour more or less, and never none.
  assert.deepEqual(
    manifests.map(({ beganAt, retention }) => hours(beganAt, retention.until)),
    [28 * 24, 28 * 24, 28 * 24],
  );
  assert.deepEqual(
    manifests.map(({ writer }) => writer.fencingToken),
    [1, 2, 3],
  );
  assert.equal(leaseOf(folder, 'orders').isReleased, true);
});

for (const [what, offset, expectedHours] of [
  ['ahead, past the end of its lease', '+3600', 1],
  ['back, before its own beginning', '-3600', -1],
] as const) {
  test(`a clock that jumps an hour ${what}, during a run leaves one whole backup, recorded and released`, async () => {
    const execution = opened.backup('orders');
    await until('some bytes', () =>
      progressOf(execution.arn).find(({ phase, bytes = 0 }) => phase === 'capture' && bytes > 300_000),
    );

    offBy(offset);
    const { run } = await opened.succeeded(execution).finally(() => offBy('+0'));

    const manifest = manifestOf(folder, run);
    const row = await opened.rowOf(execution);
    assert.equal(manifest.status, 'complete');
    assert.equal(hours(manifest.beganAt, manifest.endedAt), expectedHours);
    assert.equal(hours(manifest.beganAt, manifest.retention.until), 28 * 24);
    assert.equal(row?.status, 'COMPLETED');
    assert.ok(Number(row?.durationSeconds) >= 0);
    assert.equal(leaseOf(folder, 'orders').isReleased, true);
  });
}

test('a slot that is fired on two machines whose clocks are two hours apart is one backup', async () => {
  const slot = { tier: 'daily', scheduledTime: '2026-11-21T02:00:00Z' };

  offBy('+3600');
  const first = await opened.succeeded(opened.backup('orders', slot));
  offBy('-3600');
  const second = await opened.stack.waitFor(opened.backup('orders', slot).arn);
  offBy('+0');

  assert.equal(first.run.scheduledTime, '2026-11-21T02:00:00.000Z');
  assert.equal(second.status, 'SUCCEEDED');
  assert.equal(JSON.parse(second.output ?? '').duplicateOf, first.run.backupId);
});
