import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { HoldfastError } from '../../lib/core/errors.ts';
import { openDirectoryStore } from '../../lib/store/directory-store.ts';
import { acquireLease, type Lease, resumeLease } from '../../lib/store/lease.ts';
import { openS3Store } from '../../lib/store/s3-store.ts';
import type { Store } from '../../lib/store/store.ts';
import { read, rejects } from '../conformance/store/ask-store.ts';
import { minioServer, type S3Server, versitygwServer } from '../servers/s3.ts';

const noon = new Date('2026-11-21T12:00:00.000Z');

/** A clock that stands still until it is moved. */
function stoppedClock(): { now: () => Date; forward: (seconds: number) => void } {
  let time = noon.getTime();
  return {
    now: () => new Date(time),
    forward: (seconds) => {
      time += seconds * 1000;
    },
  };
}

type Opened = { readonly store: Store; readonly dispose: () => Promise<void> };

async function directory(): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-lease-'));
  return { store: await openDirectoryStore(folder), dispose: () => rm(folder, { recursive: true }) };
}

async function bucket(startServer: () => Promise<S3Server>): Promise<Opened> {
  const server = await startServer();
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const credentials = { accessKeyId, secretAccessKey };
  const store = openS3Store({
    bucket: await server.newBucket(),
    endpoint,
    region,
    forcePathStyle: true,
    credentials,
  });
  return {
    store,
    dispose: async () => {
      await store.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

for (const [name, open] of [
  ['directory', directory],
  ['MinIO', () => bucket(minioServer)],
  ['versitygw', () => bucket(versitygwServer)],
] as const) {
  suite(`leases: ${name}`, () => {
    let opened: Opened;
    let store: Store;
    let keys = 0;
    function nextKey(): string {
      keys += 1;
      return `leases/orders/${keys}.json`;
    }
    const acquire = (key: string, holder: string, clock: () => Date, ttlSeconds = 600): Promise<Lease> =>
      acquireLease(store, key, { holder, description: `backup ${holder}`, ttlSeconds, clock });
    before(async () => {
      opened = await open();
      store = opened.store;
    });
    after(async () => await opened?.dispose());

    test('a free lease is taken with token 1', async () => {
      const { now } = stoppedClock();

      const lease = await acquire(nextKey(), 'run-a', now);

      assert.equal(lease.token, 1);
      assert.equal(lease.holder, 'run-a');
      assert.equal(lease.since.toISOString(), '2026-11-21T12:00:00.000Z');
      assert.equal(lease.until.toISOString(), '2026-11-21T12:10:00.000Z');
      await lease.assertHeld();
    });

    test('a held lease is refused to others, who learn whose it is, since when, and until when', async () => {
      const { now } = stoppedClock();
      const key = nextKey();
      await acquire(key, 'run-a', now);

      await assert.rejects(acquire(key, 'run-b', now), (error) => {
        assert.ok(error instanceof HoldfastError);
        assert.equal(error.code, 'lease-held');
        assert.equal(
          error.message,
          `lease '${key}' is held by 'backup run-a' ('run-a', token 1) since 2026-11-21T12:00:00.000Z, and runs out at 2026-11-21T12:10:00.000Z`,
        );
        return true;
      });
    });

    test('the same holder gets the same token again, for another while', async () => {
      const clock = stoppedClock();
      const key = nextKey();
      const first = await acquire(key, 'run-a', clock.now);
      clock.forward(60);

      const again = await acquire(key, 'run-a', clock.now);

      assert.equal(again.token, 1);
      assert.equal(again.since.toISOString(), '2026-11-21T12:00:00.000Z');
      assert.equal(again.until.toISOString(), '2026-11-21T12:11:00.000Z');
      await first.renew();
      await again.renew();
    });

    test('of 20 that want a lease at once, one gets it and the others hear that it is held', async () => {
      const { now } = stoppedClock();
      const key = nextKey();

      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => acquire(key, `run-${i}`, now)));

      assertOneWinner(outcomes);
    });

    test('of 20 that want a lease that has run out, one takes it over', async () => {
      const clock = stoppedClock();
      const key = nextKey();
      await acquire(key, 'crashed', clock.now);
      clock.forward(3600);

      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => acquire(key, `run-${i}`, clock.now)),
      );

      assert.equal(assertOneWinner(outcomes).token, 2);
    });

    test('a lease that has run out is taken over half a minute later, for clocks differ', async () => {
      const clock = stoppedClock();
      const key = nextKey();
      await acquire(key, 'run-a', clock.now);

      clock.forward(629);
      await rejects(acquire(key, 'run-b', clock.now), 'lease-held');
      clock.forward(1);
      const taken = await acquire(key, 'run-b', clock.now);

      assert.equal(taken.token, 2);
    });

    test('a late writer learns that its lease is lost, and by whom', async () => {
      const clock = stoppedClock();
      const key = nextKey();
      const late = await acquire(key, 'run-a', clock.now);
      clock.forward(1000);
      const current = await acquire(key, 'run-b', clock.now);

      await rejects(late.renew(), 'lease-lost');
      await rejects(late.assertHeld(), 'lease-lost');
      await assert.rejects(late.renew(), /held by 'backup run-b' \('run-b', token 2\)/);
      await late.release();

      await current.assertHeld();
    });

    test('a lease that ran out unnoticed is not held, but may be renewed while nobody took it', async () => {
      const clock = stoppedClock();
      const lease = await acquire(nextKey(), 'run-a', clock.now);
      clock.forward(601);

      await rejects(lease.assertHeld(), 'lease-lost');
      await lease.renew();

      await lease.assertHeld();
      assert.equal(lease.until.toISOString(), '2026-11-21T12:20:01.000Z');
    });

    test('a released lease is free at once, and its token is not given again', async () => {
      const clock = stoppedClock();
      const key = nextKey();
      const lease = await acquire(key, 'run-a', clock.now);

      await lease.release();
      await lease.release();

      await rejects(lease.assertHeld(), 'lease-lost');
      await rejects(lease.renew(), 'lease-lost');
      assert.equal((await acquire(key, 'run-a', clock.now)).token, 2);
      assert.notEqual(await store.head(key), undefined);
    });

    test('another process goes on with a lease, and both may renew it', async () => {
      const clock = stoppedClock();
      const key = nextKey();
      const admitted = await acquire(key, 'run-a', clock.now);

      const resumed = await resumeLease(store, key, { holder: 'run-a', token: 1, clock: clock.now });
      clock.forward(300);
      await resumed.renew();
      await admitted.renew();
      await resumed.renew();

      assert.equal(resumed.until.toISOString(), '2026-11-21T12:15:00.000Z');
      await rejects(resumeLease(store, key, { holder: 'run-b', token: 1, clock: clock.now }), 'lease-lost');
      await rejects(resumeLease(store, key, { holder: 'run-a', token: 2, clock: clock.now }), 'lease-lost');
      await rejects(resumeLease(store, nextKey(), { holder: 'run-a', token: 1, clock: clock.now }), 'lease-lost');
    });

    test('a lease that is no lease is left alone and named', async () => {
      const key = nextKey();
      await store.put(key, Buffer.from('{"token": 7}'));

      await rejects(
        acquire(key, 'run-a', () => noon),
        'corrupt',
      );

      assert.equal(String(await read(store, key)), '{"token": 7}');
    });
  });
}

test('of two processes that race for the leases of one folder, each lease has one winner', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-lease-'));
  const program = join(import.meta.dirname, 'programs', 'lease-racer.ts');

  const reports = await Promise.all(
    ['left', 'right'].map(async (holder) => {
      const child = spawn(process.execPath, [program, folder, holder, '60'], { stdio: ['ignore', 'pipe', 'inherit'] });
      return JSON.parse(await text(child.stdout)) as { won: number[]; refused: number[] };
    }),
  );

  const [left, right] = reports;
  assert.ok(left && right);
  const all = Array.from({ length: 60 }, (_, i) => i);
  assert.deepEqual(
    [...left.won, ...right.won].sort((a, b) => a - b),
    all,
  );
  assert.deepEqual(left.refused, right.won);
  assert.deepEqual(right.refused, left.won);
  await rm(folder, { recursive: true });
});

test('of two processes that count in one object by conditional replacement, no count is lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-lease-'));
  const store = await openDirectoryStore(folder);
  await store.put('count', Buffer.from('0'));
  const program = join(import.meta.dirname, 'programs', 'counter.ts');

  await Promise.all(
    [1, 2, 3].map(async () => {
      const child = spawn(process.execPath, [program, folder, '100'], { stdio: ['ignore', 'pipe', 'inherit'] });
      await text(child.stdout);
    }),
  );

  assert.equal(String(await read(store, 'count')), '300');
  await rm(folder, { recursive: true });
});

function assertOneWinner(outcomes: readonly PromiseSettledResult<Lease>[]): Lease {
  const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'lease-held', outcome.reason.message);
  }
  const [winner] = winners;
  assert.equal(winners.length, 1);
  assert.ok(winner);
  return winner;
}
