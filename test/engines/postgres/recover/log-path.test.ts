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
