import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WalState } from '../../lib/core/health.ts';
import { targetNameSchema } from '../../lib/core/ids.ts';
import { type WalFacts, walProblems } from '../../lib/core/wal-problems.ts';

const target = targetNameSchema.parse('orders');
const now = new Date('2026-11-26T12:00:00Z');
const gibibyte = 1024 ** 3;

const well: WalState = {
  formatVersion: 1,
  at: '2026-11-26T11:59:30.000Z',
  target,
  systemIdentifier: '7434001122334455667',
  state: 'receiving',
  timeline: 1,
  receivedLsn: '0/5000060',
  durableLsn: '0/5000060',
  restorablePoint: '2026-11-26T11:59:28.000Z',
  lagBytes: 0,
  lagSeconds: 0,
  slot: { name: 'holdfast_orders', retainedBytes: 0, safeBytes: 64 * gibibyte, limitBytes: 64 * gibibyte },
  gap: null,
};

const found = (state: WalState | null, gaps: WalFacts['gaps'] = [], watchedSince = '2026-11-26T06:00:00.000Z') =>
  walProblems([{ target, rpoHours: 1, state, gaps }], watchedSince, now).map(({ id, message }) => [id, message]);

test('a log that is received and durable is no problem', () => {
  assert.deepEqual(found(well), []);
});

test('a receiver that was never heard has ten minutes to begin', () => {
  assert.deepEqual(found(null, [], '2026-11-26T11:51:00.000Z'), []);
  assert.deepEqual(found(null, [], '2026-11-26T11:49:00.000Z'), [
    ['wal-receiver-silent-orders', "the receiver of the log of 'orders' was never heard"],
  ]);
});

test('a receiver that has been silent for ten minutes, or has given up, is told with its last words', () => {
  assert.deepEqual(found({ ...well, at: '2026-11-26T11:49:00.000Z' }), [
    ['wal-receiver-silent-orders', "the receiver of the log of 'orders' was heard last at 2026-11-26T11:49:00.000Z"],
  ]);
  const error = { code: 'auth-failed', message: 'the password is wrong', hint: '' };
  assert.deepEqual(found({ ...well, state: 'refused', error }), [
    [
      'wal-receiver-silent-orders',
      "the receiver of the log of 'orders' was heard last at 2026-11-26T11:59:30.000Z: [auth-failed] the password is wrong",
    ],
  ]);
});

test('a receiver that waits and never received anything is told, with what it waits for', () => {
  const error = { code: 'source-unreachable', message: 'nothing listens there', hint: '' };
  const waiting: WalState = { ...well, state: 'waiting', error, restorablePoint: null };

  assert.deepEqual(found(waiting), [
    [
      'wal-receiver-silent-orders',
      "the receiver of the log of 'orders' has received nothing: [source-unreachable] nothing listens there",
    ],
  ]);
  assert.deepEqual(found(waiting, [], '2026-11-26T11:51:00.000Z'), []);
});

test('a server that contradicts the store is a problem of its own', () => {
  const error = { code: 'wal-conflict', message: 'other bytes', hint: '' };
  assert.deepEqual(found({ ...well, state: 'refused', error }), [
    ['wal-conflict-orders', "'orders': [wal-conflict] other bytes"],
  ]);
});

test('a file that was pushed and refused is told while its server goes on calling for it', () => {
  const conflict = {
    formatVersion: 1,
    at: '2026-11-26T11:30:00.000Z',
    host: 'db-old',
    systemIdentifier: well.systemIdentifier,
    message: 'other bytes',
  } as const;
  const told = (at: string, state = well) =>
    walProblems([{ target, rpoHours: 1, state, gaps: [], conflict: { ...conflict, at } }], '2026-11-26T06:00:00Z', now);
  const refused: WalState = {
    ...{ ...well, state: 'refused' },
    error: { code: 'wal-conflict', message: 'other bytes', hint: '' },
  };

  assert.deepEqual(
    told(conflict.at).map(({ id, message }) => [id, message]),
    [['wal-conflict-orders', "'orders': what 'db-old' pushes is refused: other bytes"]],
  );
  assert.deepEqual(told('2026-11-26T10:59:00.000Z'), []);
  assert.equal(told(conflict.at, refused).length, 1);
});

test('more than five minutes behind is a problem, and so is a receiver that waits for so long', () => {
  assert.deepEqual(found({ ...well, lagSeconds: 300 }), []);
  assert.deepEqual(found({ ...well, lagSeconds: 301 }), [
    ['wal-behind-orders', "the log of 'orders' in the store is 5 minutes behind"],
  ]);
  assert.deepEqual(found({ ...well, state: 'waiting', restorablePoint: '2026-11-26T11:40:00.000Z' }), [
    ['wal-behind-orders', "the log of 'orders' in the store is 20 minutes behind"],
  ]);
});

test('a slot without a limit is warned of, and one that keeps much is told before the server gives it up', () => {
  const slot = { ...well.slot, limitBytes: null, safeBytes: null };
  assert.deepEqual(found({ ...well, slot }), [
    [
      'wal-slot-unbounded-orders',
      "nothing limits what the server of 'orders' keeps for the slot 'holdfast_orders': max_slot_wal_keep_size is -1",
    ],
  ]);
  assert.deepEqual(
    found({ ...well, slot: { ...slot, retainedBytes: 10 * gibibyte + 1 } }).map(([id]) => id),
    ['wal-slot-unbounded-orders', 'wal-slot-growing-orders'],
  );
  assert.deepEqual(found({ ...well, slot: { ...well.slot, retainedBytes: 33 * gibibyte } }), [
    [
      'wal-slot-growing-orders',
      "the server of 'orders' keeps 33792 MiB of log for the slot 'holdfast_orders', of 65536 MiB at which it gives it up",
    ],
  ]);
});

test('a hole is told with the points that can no longer be reached', () => {
  const gap = {
    timeline: 1,
    first: '00000001000000000000000A',
    last: '00000001000000000000000C',
    from: '0/A000000',
    to: '0/D000000',
    lastPoint: '2026-11-26T09:00:00.000Z',
  };
  assert.deepEqual(found(well, [gap]), [
    [
      'wal-gap-orders-1-00000001000000000000000a',
      "the log of 'orders' lacks '00000001000000000000000A' to '00000001000000000000000C': no backup from before reaches a point after 2026-11-26T09:00:00.000Z (0/A000000), and points from 0/D000000 on need a base backup that was begun there or later",
    ],
  ]);
});

test('a log of which something cannot be read is told as what it is: perhaps a hole', () => {
  const unreadable = "[corrupt] WAL object 'wal/orders/1' does not begin as one";

  assert.deepEqual(
    walProblems([{ target, rpoHours: 1, state: null, gaps: [], unreadable }], '2026-11-26T06:00:00.000Z', now).map(
      ({ id, message }) => [id, message],
    ),
    [
      [
        'wal-gap-orders',
        `the log of 'orders' cannot be looked at, and recovery may not get beyond what is damaged: ${unreadable}`,
      ],
    ],
  );
});
