import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { parseConfig } from '../../lib/config/load.ts';
import { type WalState, walStateSchema } from '../../lib/core/health.ts';
import { type BackupId, backupIdSchema } from '../../lib/core/ids.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import { manifestKey, walHealthKey } from '../../lib/core/object-keys.ts';
import { logPoints } from '../../lib/lifecycle/log-points.ts';
import { lookAtWal } from '../../lib/lifecycle/wal-facts.ts';
import { watch } from '../../lib/lifecycle/watch.ts';
import { readDocument, replaceDocument } from '../../lib/store/document.ts';
import type { Store } from '../../lib/store/store.ts';
import { putJson } from '../../lib/store/text.ts';
import { manifestOf } from '../catalog/manifests.ts';
import { segmentBytes, systemIdentifier, target, walPlace } from '../wal/wal-place.ts';
import { eventBus } from './event-bus.ts';

const config = parseConfig(
  `
store: { kind: file, path: ./vault }
encryption: { keys: key-file }
targets:
  - name: orders
    engine: postgres
    connection: { host: 127.0.0.1, user: backup, sslmode: disable }
    wal: { receive: true }
  - name: other
    engine: postgres
    connection: { host: 127.0.0.1, user: backup, sslmode: disable }
`,
  { file: 'holdfast.yaml', directory: '/project', environment: {} },
);

test('a hole in what the store has is found by its listing, with the last point before it', async () => {
  await using place = await walPlace();
  const clock = () => new Date('2026-11-26T12:00:00Z');
  for (const [number, point] of [
    ['3', '2026-11-26T08:00:00.000Z'],
    ['4', '2026-11-26T09:00:00.000Z'],
    ['7', '2026-11-26T11:00:00.000Z'],
  ] as const)
    await place.writer.write({
      name: `00000001000000000000000${number}`,
      segmentBytes,
      point,
      plain: randomBytes(segmentBytes),
    });
  assert.deepEqual(
    (await lookAtWal({ config, store: place.store, clock })).map(({ target: of, state }) => [of, state]),
    [['orders', null]],
  );
  await putJson(place.store, walHealthKey(target), {
    formatVersion: 1,
    at: '2026-11-26T11:59:30.000Z',
    target,
    systemIdentifier,
    state: 'receiving',
    timeline: 1,
    receivedLsn: '0/80000',
    durableLsn: '0/80000',
    restorablePoint: '2026-11-26T11:00:00.000Z',
    lagBytes: 0,
    lagSeconds: 0,
    slot: { name: 'holdfast_orders', retainedBytes: 0, safeBytes: null, limitBytes: null },
    gap: null,
  });

  const [facts] = await lookAtWal({ config, store: place.store, clock });

  assert.deepEqual(facts?.gaps, [
    {
      timeline: 1,
      first: '000000010000000000000005',
      last: '000000010000000000000006',
      from: '0/50000',
      to: '0/70000',
      lastPoint: '2026-11-26T09:00:00.000Z',
      nextPoint: '2026-11-26T11:00:00.000Z',
    },
  ]);
});

test('a hole that a promotion lies in, and no timeline has by itself, is told until it is filled or a base is beyond it', async () => {
  await using place = await walPlace();
  const { store } = place;
  const clock = () => new Date('2026-11-26T12:00:00Z');
  const write = (name: string) => place.writer.write({ name, segmentBytes, plain: randomBytes(segmentBytes) });
  // The old primary was followed into its fourth segment; the new one, which parted in its sixth, from its eighth on.
  for (const name of ['000000010000000000000003', '000000010000000000000004', '000000020000000000000008'])
    await write(name);
  const history = Buffer.from('1\t0/60100\tno recovery target specified\n');
  await place.writer.write({ name: '00000002.history', segmentBytes, plain: history });
  const gap = { at: '2026-11-26T11:00:00.000Z', timeline: 1, from: '0/50000', to: '0/80000' };
  const path = [
    { timeline: 1, begin: '0/0', end: '0/60100' },
    { timeline: 2, begin: '0/60100' },
  ];
  await putJson(store, walHealthKey(target), { ...receiving, timeline: 2, path, durableLsn: '0/90000', gap });
  const gapsNow = async () => (await lookAtWal({ config, store, clock }))[0]?.gaps;

  assert.deepEqual(await gapsNow(), [
    {
      ...{ timeline: 1, first: '000000010000000000000005', last: '000000010000000000000007' },
      ...{ from: '0/50000', to: '0/80000', lastPoint: null },
    },
  ]);
  for (const name of ['000000010000000000000005', '000000020000000000000006', '000000020000000000000007'])
    await write(name);
  assert.deepEqual(await gapsNow(), []);
});

test("the newest restorable point is the receiver's, as far as the watch has seen the log go on from a base", async () => {
  await using place = await walPlace();
  const { store } = place;
  const clock = () => new Date('2026-11-26T12:00:00Z');
  const write = (number: number) =>
    place.writer.write({ name: `00000001000000000000000${number}`, segmentBytes, plain: randomBytes(segmentBytes) });
  for (const number of [3, 4, 5]) await write(number);
  const backupId = await publishBase(store, '0/30040');
  const say = async (durableLsn: string, restorablePoint: string, gap: WalState['gap'] = null) => {
    const { etag } = await readDocument(store, walHealthKey(target), walStateSchema);
    const state = { ...receiving, durableLsn, restorablePoint, gap };
    await replaceDocument(store, walHealthKey(target), state, { etag });
  };
  await using bus = await eventBus();
  const watched = () =>
    watch({
      config: { ...config, store: { kind: 'file', path: place.folder } },
      ...{ store, clock, catalog: undefined, events: bus.events },
      ...{ keyState: async () => undefined, log: { warn: () => {} } },
    });
  const newest = async (now = clock()) => (await logPoints({ config, store }, now)).get(target)?.point;

  await say('0/60000', '2026-11-26T11:50:00.000Z');
  assert.equal(await newest(), undefined);
  await watched();
  assert.deepEqual(await newest(), { at: '2026-11-26T11:50:00.000Z', backupId });

  // The receiver goes on; the watch has not looked again.
  await say('0/68000', '2026-11-26T11:59:00.000Z');
  assert.equal((await newest())?.at, '2026-11-26T11:59:00.000Z');
  assert.equal((await newest(new Date('2026-11-26T12:16:00Z')))?.at, '2026-11-26T11:50:00.000Z');
  await say('0/90000', '2026-11-26T11:59:00.000Z', {
    ...{ at: '2026-11-26T11:58:00.000Z', timeline: 1, from: '0/68000', to: '0/80000' },
  });
  assert.equal((await newest())?.at, '2026-11-26T11:50:00.000Z');

  // Now there is a hole between the base and where the receiver is.
  await write(8);
  await watched();
  assert.deepEqual((await logPoints({ config, store }, clock())).get(target), {
    seenAt: '2026-11-26T12:00:00.000Z',
    point: null,
  });
});

test('the log is followed through a promotion without the key that its history is encrypted with', async () => {
  await using place = await walPlace();
  const { store } = place;
  const clock = () => new Date('2026-11-26T12:00:00Z');
  const write = (name: string) => place.writer.write({ name, segmentBytes, plain: randomBytes(segmentBytes) });
  for (const name of ['000000010000000000000003', '000000020000000000000004']) await write(name);
  const history = Buffer.from('1\t0/40100\tno recovery target specified\n');
  await place.writer.write({ name: '00000002.history', segmentBytes, plain: history });
  const backupId = await publishBase(store, '0/30040');
  const state = { ...receiving, timeline: 2, durableLsn: '0/50000', restorablePoint: '2026-11-26T11:50:00.000Z' };
  const path = [
    { timeline: 1, begin: '0/0', end: '0/40100' },
    { timeline: 2, begin: '0/40100' },
  ];
  const reachNow = async () => (await lookAtWal({ config, store, clock }))[0]?.reach;

  await putJson(store, walHealthKey(target), { ...state, path });
  assert.deepEqual(await reachNow(), {
    ...{ backupId, systemIdentifier, timeline: 2, lsn: '0/50000', point: '2026-11-26T11:50:00.000Z' },
  });
  // A receiver of before that did not say it.
  await putJson(store, walHealthKey(target), state);
  assert.equal(await reachNow(), null);
});

test('a base of a branch that was left is not what the log goes on from', async () => {
  await using place = await walPlace();
  const clock = () => new Date('2026-11-26T12:00:00Z');
  for (const name of ['000000010000000000000003', '000000020000000000000003', '000000020000000000000004'])
    await place.writer.write({ name, segmentBytes, plain: randomBytes(segmentBytes) });
  await publishBase(place.store, '0/30040');
  const path = [
    { timeline: 1, begin: '0/0', end: '0/30020' },
    { timeline: 2, begin: '0/30020' },
  ];
  const state = { ...receiving, timeline: 2, path, durableLsn: '0/50000', restorablePoint: '2026-11-26T11:50:00.000Z' };
  await putJson(place.store, walHealthKey(target), state);

  assert.equal((await lookAtWal({ config, store: place.store, clock }))[0]?.reach, null);
});

test('a damaged object of one log is told, and everything else is looked at', async () => {
  await using place = await walPlace();
  const clock = () => new Date('2026-11-26T12:00:00Z');
  await place.store.put(`wal/${target}/${systemIdentifier}/00000001/000000010000000000000003`, Buffer.from('no WAL'));
  await putJson(place.store, walHealthKey(target), receiving);

  const [facts] = await lookAtWal({ config, store: place.store, clock });

  assert.match(facts?.unreadable ?? '', /^\[corrupt\] WAL object .* does not begin as one$/);
});

const receiving: WalState = {
  formatVersion: 1,
  at: '2026-11-26T11:59:30.000Z',
  target,
  systemIdentifier,
  state: 'receiving',
  timeline: 1,
  receivedLsn: '0/60000',
  durableLsn: '0/60000',
  restorablePoint: null,
  lagBytes: 0,
  lagSeconds: 0,
  slot: { name: 'holdfast_orders', retainedBytes: 0, safeBytes: null, limitBytes: null },
  gap: null,
};

/** A base backup that ended at that position of the log. */
async function publishBase(store: Store, endLsn: string): Promise<BackupId> {
  const backupId = backupIdSchema.parse('20261126T020000Z-00000001');
  const template = manifestOf({ backupId });
  const [stream] = template.streams;
  assert.ok(stream);
  const facts = { systemIdentifier, timeline: 1, segmentBytes, startLsn: '0/30028', endLsn };
  const manifest: Manifest = {
    ...template,
    method: 'base',
    streams: [{ ...stream, name: 'cluster', kind: 'cluster', facts }],
  };
  await putJson(store, manifestKey(target, backupId), manifest);
  return backupId;
}
