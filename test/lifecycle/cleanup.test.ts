import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { HoldfastError } from '../../lib/core/errors.ts';
import type { BackupId } from '../../lib/core/ids.ts';
import { cleanupLeaseKey, manifestKey } from '../../lib/core/object-keys.ts';
import { releaseCleanupLease } from '../../lib/lifecycle/cleanup/cleanup-lease.ts';
import { holdBackup, releaseBackup } from '../../lib/lifecycle/hold-backup.ts';
import { readManifest } from '../../lib/store/backups.ts';
import { openDirectoryStore } from '../../lib/store/directory-store.ts';
import { markInUse } from '../../lib/store/in-use.ts';
import type { Store } from '../../lib/store/store.ts';
import { type CleanupPlace, cleanupPlace, orders } from './cleanup-place.ts';

let folder: string;
let place: CleanupPlace;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-cleanup-'));
  place = cleanupPlace(await openDirectoryStore(folder));
});
afterEach(async () => {
  await place.store.close();
  await rm(folder, { recursive: true });
});

const backups = (): Promise<readonly string[]> => place.keys('backups/');
const anna = { kind: 'user', name: 'anna' } as const;
const markOf = (id: BackupId, holder: string) =>
  markInUse(place.store, {
    target: orders,
    id,
    reader: holder,
    holder,
    description: `restore ${holder}`,
    clock: place.clock,
  });

test('what has expired goes, journal first, and the newest stays', async () => {
  const old = await place.publish(50);
  const newest = await place.publish(40);

  const { plan, ...totals } = await place.cleanUp('first');

  assert.deepEqual(await backups(), newest.keys);
  assert.deepEqual(await place.events(old.id), [
    'backup-requested',
    'backup-completed',
    'backup-expired',
    'backup-deleted',
  ]);
  assert.equal(totals.deleted, 1);
  assert.equal(totals.removedObjects, 3);
  const [gone] = plan.decisions;
  assert.deepEqual([gone?.id, gone?.verdict, gone?.storedBytes], [old.id, 'delete', totals.freedBytes]);
  assert.match(plan.decisions[1]?.reason ?? '', /^the newest complete logical backup of 'orders'$/);
});

test('a backup that failed a restore test is not the one that stays because it could be read again later', async () => {
  const good = await place.publish(50);
  const bad = await place.publish(40);
  const look = (day: number, verification: 'FAILED' | 'VALIDATED', by: 'restore-test' | 'full') =>
    place.recorder.record({
      ...{ event: 'backup-verified', operation: bad.id, tenant: null, verification, detail: 'as it was found', by },
      at: new Date(place.clock().getTime() - day * 86_400_000).toISOString(),
    });
  await look(30, 'FAILED', 'restore-test');
  await look(20, 'VALIDATED', 'full');

  const { plan } = await place.cleanUp('first');

  assert.deepEqual(
    plan.decisions.map(({ id, verdict }) => [id, verdict]),
    [
      [good.id, 'keep'],
      [bad.id, 'delete'],
    ],
  );
});

test('a dry run removes nothing, takes no lease, and gives the same plan', async () => {
  await place.publish(50);
  await place.publish(40);
  const before = await place.keys('');

  const { run, progress } = await place.plan('dry', true);

  assert.equal(progress.isDone, true);
  assert.deepEqual(
    (await place.keys('')).filter((key) => !before.includes(key)),
    [`cleanups/${run.cleanupId}/plan.json`],
  );
});

test('while one cleanup runs, another is refused', async () => {
  await place.publish(50);
  await place.plan('first');

  await assert.rejects(place.plan('second'), { code: 'lease-held' });
});

test('a hold that comes after the plan keeps the backup, and a release lets the next cleanup have it', async () => {
  const old = await place.publish(50);
  await place.publish(40);
  const planned = await place.plan('first');
  const { store, recorder, clock } = place;

  const held = await holdBackup(
    { store, recorder, clock },
    { target: orders, id: old.id, reason: 'case 4711', by: anna },
  );
  const first = await place.execute(planned);
  const second = await place.cleanUp('second');
  await releaseBackup({ store, recorder, clock }, { target: orders, id: old.id, reason: 'closed', by: anna });
  const third = await place.cleanUp('third');

  assert.deepEqual(held, { wasHeld: false, legalHold: 'none', isBeingRemoved: false });
  assert.deepEqual([first.deleted, first.postponed, second.deleted, third.deleted], [0, 1, 0, 1]);
  assert.match(second.plan.decisions[0]?.reason ?? '', /^held since \S+ by 'anna': case 4711$/);
});

test('a hold by a clock that is behind still comes after the release before it', async () => {
  const { id } = await place.publish(50);
  await place.publish(40);
  const { store, recorder } = place;
  const behind = () => new Date('2020-01-01T00:00:00Z');
  const asked = { target: orders, id, reason: 'why', by: anna };

  await holdBackup({ store, recorder, clock: place.clock }, asked);
  await releaseBackup({ store, recorder, clock: behind }, asked);
  await holdBackup({ store, recorder, clock: behind }, asked);

  assert.equal((await place.cleanUp('first')).deleted, 0);
});

test('a backup that was read at any time since the plan stays, and goes with a later plan', async () => {
  const [reading, read] = [await place.publish(51), await place.publish(50)];
  await place.publish(40);
  const planned = await place.plan('first');

  await markOf(reading.id, 'r1');
  await (await markOf(read.id, 'r2'))?.release();
  const { deleted, postponed } = await place.execute(planned);

  assert.deepEqual([deleted, postponed], [0, 2]);
  assert.deepEqual(place.logged, [
    `'${read.id}' stays for now: restore r2`,
    `'${reading.id}' stays for now: restore r1`,
  ]);
});

test('a reader that sees the manifest keeps the data, wherever between two steps of a cleanup it comes', async () => {
  await place.publish(40);
  const won: boolean[] = [];
  // Each round's backup is newer than those of rounds before, and so the first to go.
  let day = 5000;
  for (let mark = 0, steps = 1; mark < steps; mark += 1) {
    for (let look = mark; look < steps; look += 1) {
      const { id, keys } = await place.publish(day--);
      const planned = await place.plan(`cleanup-${day}`);
      let sawManifest = false;
      const at = new Map<number, (() => Promise<unknown>)[]>();
      const then = (step: number, act: () => Promise<unknown>) => at.set(step, [...(at.get(step) ?? []), act]);
      then(mark, () => markOf(id, `r${day}`));
      then(look, async () => {
        sawManifest = (await place.store.head(manifestKey(orders, id))) !== undefined;
      });

      steps = await stepsOf(place, planned, at);

      won.push(sawManifest);
      if (!sawManifest) continue;
      for (const key of keys.filter((one) => !one.endsWith('manifest.json')))
        assert.ok(
          await place.store.head(key),
          `'${key}' went though its reader marked at ${mark} and looked at ${look}`,
        );
    }
  }
  assert.ok(won.includes(true) && won.includes(false), 'each side wins somewhere');
});

/** Executes a plan and lets others act before single requests of its first task; gives how many requests there were. */
async function stepsOf(
  { execute, store, clock }: CleanupPlace,
  planned: Parameters<CleanupPlace['execute']>[0],
  at: ReadonlyMap<number, readonly (() => Promise<unknown>)[]>,
): Promise<number> {
  let steps = 0;
  let tasks = 0;
  const before = async (name: string, [first]: readonly unknown[]): Promise<void> => {
    // A step of the state machine does one task here, and begins with the lease.
    if (name === 'get' && first === cleanupLeaseKey) tasks += 1;
    if (tasks > 1) throw new Error('enough');
    for (const act of at.get(steps) ?? []) await act();
    steps += 1;
  };
  await assert.rejects(execute(planned, asked(store, before)), /enough/);
  await releaseCleanupLease(store, planned.run.execution, clock);
  return steps;
}

test('a cleanup that dies at any write leaves whole backups only, and the next one finishes', async () => {
  for (let writes = 0; ; writes += 1) {
    const round = 100 * (writes + 1);
    const gone = [await place.publish(round + 3), await place.publish(round + 2)];
    const newest = await place.publish(round + 1);
    await holdBackup(place, { target: orders, id: newest.id, reason: 'the next round begins', by: anna });
    const planned = await place.plan(`dies-${writes}`);
    const dying = dyingAfter(place.store, writes);

    const outcome = await place.execute(planned, dying).then(
      () => 'done',
      (error: Error) => error.message,
    );
    await assertWhole();
    // The killed one's lease runs out, or is released for it.
    if (outcome !== 'done') await place.execute(planned);
    for (const { id } of gone) {
      assert.equal((await place.events(id)).at(-1), 'backup-deleted', `after ${writes} writes`);
      assert.deepEqual(await place.keys(`backups/orders/${id}/`), []);
    }
    if (outcome === 'done') return;
  }
});

test('what a cleanup that died had begun, the next plan goes on with', async () => {
  const old = await place.publish(50);
  await place.publish(40);
  const planned = await place.plan('first');
  // The lease, the event, and the manifest: then it dies.
  await assert.rejects(place.execute(planned, dyingAfter(place.store, 3)), /killed/);
  assert.equal(await place.store.head(manifestKey(orders, old.id)), undefined);
  assert.ok((await place.keys(`backups/orders/${old.id}/`)).length > 0);

  await releaseCleanupLease(place.store, 'first', place.clock);
  const { plan } = await place.cleanUp('second');

  assert.ok(plan.tasks.some((task) => task.task === 'finish' && task.id === old.id));
  assert.equal((await place.events(old.id)).at(-1), 'backup-deleted');
  assert.deepEqual(await place.keys(`backups/orders/${old.id}/`), []);
});

test('a backup that was to go and is kept by the next plan is said to be kept', async () => {
  const old = await place.publish(50);
  await place.publish(40);
  // The lease, and the event: then it dies.
  await assert.rejects(place.execute(await place.plan('first'), dyingAfter(place.store, 2)), /killed/);
  await holdBackup(place, { target: orders, id: old.id, reason: 'after all', by: anna });
  await releaseCleanupLease(place.store, 'first', place.clock);

  await place.cleanUp('second');

  assert.deepEqual(await place.events(old.id), [
    'backup-requested',
    'backup-completed',
    'backup-held',
    'backup-expired',
    'backup-kept',
  ]);
});

test('data that no manifest names goes when no run can want it any more', async () => {
  const published = await place.publish(40);
  await place.store.put(`backups/orders/${published.id}/dead/orders.00000`, Buffer.alloc(50));
  await place.store.put('backups/orders/20200101T020000Z-00000001/dead/orders.00000', Buffer.alloc(50));
  const young = place.clock().toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  const running = `backups/orders/${young}Z-00000002/live/orders.00000`;
  await place.store.put(running, Buffer.alloc(50));

  const { plan, freedBytes } = await place.cleanUp('first');

  assert.deepEqual(await backups(), [...published.keys, running].sort());
  assert.equal(freedBytes, 100);
  assert.equal(plan.tasks.filter((task) => task.task === 'erase' && task.prefix.endsWith('/dead/')).length, 2);
});

test('a run that was believed dead and publishes before the sweep keeps its data', async () => {
  await place.publish(40);
  const late = await place.publish(45);
  const manifest = await readManifest(place.store, orders, late.id);
  await place.store.delete(manifestKey(orders, late.id));
  const planned = await place.plan('first');
  await place.store.put(manifestKey(orders, late.id), Buffer.from(JSON.stringify(manifest)));

  const { postponed } = await place.execute(planned);

  assert.equal(postponed, 1);
  assert.deepEqual(await place.keys(`backups/orders/${late.id}/`), late.keys);
});

test('while one manifest of a target cannot be read, nothing of that target goes', async () => {
  await place.publish(50);
  await place.publish(40);
  await place.store.put('backups/orders/20200101T020000Z-00000001/manifest.json', Buffer.from('{"formatVersion":9}'));
  const before = await backups();

  const { plan, deleted } = await place.cleanUp('first');

  assert.equal(deleted, 0);
  assert.deepEqual(await backups(), before);
  assert.match(
    plan.notes[0] ?? '',
    /^nothing of 'orders' goes while one of its backups cannot be read: .* newer than 2$/,
  );
});

test('a backup of which the journal knows nothing is written into it before it goes', async () => {
  const lost = await place.publish(50, {}, { journal: false });
  await place.publish(40);

  await place.cleanUp('first');

  assert.deepEqual(await place.events(lost.id), [
    'backup-requested',
    'backup-begun',
    'backup-completed',
    'backup-expired',
    'backup-deleted',
  ]);
});

test('a backup whose own validation failed does not stand for the target', async () => {
  const good = await place.publish(50);
  const bad = await place.publish(40, {}, { journal: false });
  const error = { code: 'corrupt', message: 'a hash is wrong', hint: 'look' };
  const at = place.clock().toISOString();
  await place.recorder.record({ event: 'backup-failed', operation: bad.id, at, tenant: null, endedAt: at, error });

  await place.cleanUp('first');

  assert.deepEqual(await backups(), good.keys);
});

test('small objects that served a run go with time', async () => {
  const { store } = place;
  for (const key of [
    'requests/orders/logical/a.json',
    'outcomes/20260101T020000Z-00000001/a.json',
    'checks/a',
    'in-use/orders/x/y.json',
  ])
    await store.put(key, Buffer.from('{}'));
  await store.put('journal/20260101T020000Z-00000001/010-x.json', Buffer.from('{}'));
  await store.put('leases/orders/logical.json', Buffer.from('{}'));

  await place.cleanUp('first');

  assert.deepEqual(
    (await place.keys('')).filter((key) => !key.startsWith('cleanups/')),
    [
      'journal/20260101T020000Z-00000001/010-x.json',
      'leases/cleanup.json',
      'leases/orders/logical.json',
      'outcomes/20260101T020000Z-00000001/a.json',
      'requests/orders/logical/a.json',
    ],
  );
});

/** Every manifest that is there names objects that are all there. */
async function assertWhole(): Promise<void> {
  const there = new Set(await backups());
  for (const key of there) {
    const [, id] = /^backups\/orders\/([^/]+)\/manifest\.json$/.exec(key) ?? [];
    if (id === undefined) continue;
    const { streams } = await readManifest(place.store, orders, id as BackupId);
    for (const { objects } of streams)
      for (const { key: named } of objects) assert.ok(there.has(named), `'${named}' is gone`);
  }
}

/** The store as a process sees it that is killed after so many writes and removals. */
function dyingAfter(store: Store, writes: number): Store {
  let left = writes;
  const mutating = new Set(['put', 'erase', 'delete', 'setTags', 'setLegalHold', 'abandonUploads']);
  return asked(store, async (name) => {
    if (mutating.has(name) && left-- <= 0) throw new HoldfastError('internal', 'killed');
  });
}

/** The same store, with something happening before each request. */
function asked(store: Store, before: (name: string, given: readonly unknown[]) => Promise<void>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || name === 'list')
        return typeof value === 'function' ? value.bind(target) : value;
      return async (...given: unknown[]) => {
        await before(String(name), given);
        return value.apply(target, given);
      };
    },
  });
}
