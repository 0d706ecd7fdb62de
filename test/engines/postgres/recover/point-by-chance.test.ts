import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogReader } from '../../../../lib/engines/engine.ts';
import { findLogPath } from '../../../../lib/engines/postgres/recover/log-path.ts';
import { pointByChance } from '../../../../lib/engines/postgres/recover/point-by-chance.ts';
import { parseLsn } from '../../../../lib/engines/postgres/replication/lsn.ts';

const base = {
  ...{ major: 17, serverVersion: '17.0', systemIdentifier: '1', timeline: 1, segmentBytes: 16 * 1024 * 1024 },
  ...{ startLsn: parseLsn('0/2000028'), endLsn: parseLsn('0/2000120'), fromStandby: false, checksums: true },
  ...{ tablespaces: [], sizeBytes: 0, snapshotAt: '2026-11-21T02:00:00.000Z' },
};
const ends = ['0/3000000', '0/4000000', '0/5000000', '0/6000000', '0/6200000'];
const logOf = (covered: Awaited<ReturnType<LogReader['covered']>>, count = ends.length): LogReader => ({
  timelines: async () => [1],
  segments: async () =>
    ends
      .slice(0, count)
      .map((to, index) => ({ name: `00000001000000000000000${index + 2}`, from: `0/${index + 2}000000`, to })),
  history: async () => undefined,
  read: () => {
    throw new Error('nothing is read');
  },
  covered: async () => covered,
});
const draw = async (log: LogReader | undefined, chance: number) => {
  const along = log && { log, path: await findLogPath(log, base, undefined) };
  return pointByChance(base, { along, notBefore: '2026-11-21T02:10:00.000Z', chance });
};

test('a moment is drawn from the later half of the times that the log covers', async () => {
  const log = logOf({ timeline: 1, at: '2026-11-21T06:10:00.000Z', lsn: '0/6200000' });

  assert.deepEqual(await draw(log, 0), { kind: 'time', value: '2026-11-21T06:10:00.000Z' });
  assert.deepEqual(await draw(log, 0.5), { kind: 'time', value: '2026-11-21T05:10:00.000Z' });
  assert.deepEqual(await draw(log, 0.999), { kind: 'time', value: '2026-11-21T04:10:07.200Z' });
});

test('where no times are known, or only of what is beyond a gap or on another timeline, it is the beginning of a segment that others follow', async () => {
  const said = { at: '2026-11-21T06:10:00.000Z' };
  const beyond = { ...said, timeline: 1, lsn: '0/9000000' };
  const elsewhere = { ...said, timeline: 2, lsn: '0/6000000' };

  for (const covered of [undefined, beyond, elsewhere]) {
    assert.deepEqual(await draw(logOf(covered), 0), { kind: 'lsn', value: '0/5000000' });
    assert.deepEqual(await draw(logOf(covered), 0.999), { kind: 'lsn', value: '0/4000000' });
  }
});

test('it is the end of a log that has next to nothing, and the backup itself where there is no log', async () => {
  assert.deepEqual(await draw(logOf(undefined, 2), 0.5), { kind: 'latest' });
  assert.deepEqual(await draw(logOf(undefined, 0), 0.5), { kind: 'latest' });
  assert.deepEqual(await draw(undefined, 0.5), { kind: 'immediate' });
});
