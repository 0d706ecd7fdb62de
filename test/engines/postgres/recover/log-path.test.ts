import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogReader } from '../../../../lib/engines/engine.ts';
import { findLogPath } from '../../../../lib/engines/postgres/recover/log-path.ts';
import { formatLsn, parseLsn } from '../../../../lib/engines/postgres/replication/lsn.ts';

const megabytes16 = 16 * 1024 * 1024;
const base = {
  ...{ timeline: 1, segmentBytes: megabytes16, fromStandby: false },
  ...{ startLsn: parseLsn('0/2000028'), endLsn: parseLsn('0/2000120') },
};

/** A log of whole segments, by their numbers on each timeline; a fraction is a segment that has come in part. */
function logOf(
  timelines: Readonly<Record<number, readonly number[]>>,
  histories: Readonly<Record<number, string>> = {},
): LogReader {
  return {
    timelines: async () => Object.keys(timelines).map(Number),
    segments: async (timeline) =>
      (timelines[timeline] ?? []).map((number) => {
        const whole = Math.floor(number);
        return {
          name: `0000000${timeline}00000000000000${whole.toString(16).toUpperCase().padStart(2, '0')}`,
          from: formatLsn(BigInt(whole * megabytes16)),
          to: formatLsn(BigInt(number === whole ? (whole + 1) * megabytes16 : number * megabytes16)),
        };
      }),
    history: async (timeline) => histories[timeline],
    read: () => {
      throw new Error('nothing is read');
    },
    covered: async () => undefined,
  };
}
const pathOf = async (log: LogReader, wanted?: number, over: Partial<typeof base> = {}) => {
  const { timeline, names, reachable, firstMissing } = await findLogPath(log, { ...base, ...over }, wanted);
  return {
    timeline,
    names: names.map((name) => name.replace(/0{13,}/, '…')),
    to: formatLsn(reachable.lsn),
    firstMissing,
  };
};

test('a way goes on where the backup ends, whose own segments are in it, up to the last byte that has come', async () => {
  assert.deepEqual(await pathOf(logOf({ 1: [3, 4, 5.5] })), {
    ...{ timeline: 1, names: ['00000001…3', '00000001…4', '00000001…5'], to: '0/5800000' },
    firstMissing: '000000010000000000000005',
  });
  assert.equal((await pathOf(logOf({ 1: [2, 3] }))).names.length, 2);
});

test('what a standby has backed up does not end with a whole segment, which the log then has to have', async () => {
  assert.deepEqual(await pathOf(logOf({ 1: [3, 4] }), undefined, { fromStandby: true }), {
    ...{ timeline: 1, names: [], to: '0/2000000' },
    firstMissing: '000000010000000000000002',
  });
});

test('a gap ends the way, and is named', async () => {
  const { to, firstMissing } = await pathOf(logOf({ 1: [3, 5, 6] }));

  assert.deepEqual([to, firstMissing], ['0/4000000', '000000010000000000000004']);
});

test('where timelines part, the newest that comes from the backup is followed, from its own copy of the segment on', async () => {
  const log = logOf(
    { 1: [3, 4, 5, 6], 2: [4, 5], 3: [7] },
    { 2: '1\t0/4000A28\tno recovery target specified\n', 3: '1\t0/1000000\tbefore the backup\n' },
  );

  assert.deepEqual(await pathOf(log), {
    ...{ timeline: 2, names: ['00000001…3', '00000002…4', '00000002…5'], to: '0/6000000' },
    firstMissing: '000000020000000000000006',
  });
  assert.deepEqual((await pathOf(log, 1)).to, '0/7000000');
  await assert.rejects(pathOf(log, 3), {
    code: 'point-unreachable',
    message: 'timeline 3 does not come from timeline 1 after 0/2000120, where the backup ends',
  });
});

test('a timeline whose beginning is not there is not reached, and what leads to it is', async () => {
  const log = logOf({ 1: [3], 2: [6] }, { 2: '1\t0/6000028\tpromoted\n' });

  assert.deepEqual(await pathOf(log), {
    ...{ timeline: 2, names: ['00000001…3'], to: '0/4000000' },
    firstMissing: '000000010000000000000004',
  });
});

test("a piece of the backup's last segment does not take the place of the backup's own copy, which is whole", async () => {
  // A receiver stopped within the segment in which the backup ends, before that end and just behind it.
  for (const short of [2 + 16 / megabytes16, 2.5])
    assert.deepEqual(await pathOf(logOf({ 1: [short, 3] })), {
      ...{ timeline: 1, names: ['00000001…3'], to: '0/4000000' },
      firstMissing: '000000010000000000000004',
    });
  const standby = { fromStandby: true };
  assert.deepEqual((await pathOf(logOf({ 1: [2 + 16 / megabytes16] }), undefined, standby)).names, []);
  assert.deepEqual((await pathOf(logOf({ 1: [2.5] }), undefined, standby)).names, ['00000001…2']);
});

test('a timeline of which there is nothing yet takes nothing away from the one that it leaves', async () => {
  const histories = { 2: '1\t0/4800000\tno recovery target specified\n' };

  // The new primary was heard of, and is lost before anything of its log was stored.
  const { timeline, to } = await pathOf(logOf({ 1: [3, 4.5], 2: [] }, histories));
  assert.deepEqual([timeline, to], [1, '0/4800000']);
  await assert.rejects(pathOf(logOf({ 1: [3, 4.5], 2: [] }, histories), 2), {
    code: 'point-unreachable',
    message:
      "timeline 2 cannot be followed: '000000020000000000000004', with which it or one on the way to it begins, is not in the store",
  });
  // One that was left in its first segment need have none of its own.
  const twice = { ...histories, 3: '1\t0/4800000\tpromoted\n2\t0/4900000\tpromoted\n' };
  assert.equal((await pathOf(logOf({ 1: [3, 4.5], 2: [], 3: [4, 5] }, twice))).timeline, 3);
});

test('what is missing for more of the log that is there is named, and nothing is where the log just ends', async () => {
  const lostOf = async (log: LogReader) => (await findLogPath(log, base, undefined)).lost;
  const histories = { 2: '1\t0/4800000\tpromoted\n' };

  assert.equal(await lostOf(logOf({ 1: [3, 4.5] })), undefined);
  assert.equal(await lostOf(logOf({ 1: [3, 4.5], 2: [4] }, histories)), undefined);
  assert.equal(await lostOf(logOf({ 1: [3, 5] })), '000000010000000000000004');
  assert.equal(await lostOf(logOf({ 1: [3, 4.5, 5] })), '000000010000000000000004');
  assert.equal(await lostOf(logOf({ 1: [], 2: [4] }, histories)), '000000010000000000000003');
  assert.equal(await lostOf(logOf({ 1: [3, 4.5], 2: [5] }, histories)), '000000020000000000000004');
  assert.equal(await lostOf(logOf({ 1: [3, 4.5], 2: [4] })), '00000002.history');
});
