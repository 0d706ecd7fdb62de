import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogCover, LogReader } from '../../../../lib/engines/engine.ts';
import type { LogPath } from '../../../../lib/engines/postgres/recover/log-path.ts';
import { requireReachable } from '../../../../lib/engines/postgres/recover/require-reachable.ts';
import { parseLsn } from '../../../../lib/engines/postgres/replication/lsn.ts';

const base = {
  ...{ major: 17, serverVersion: '17.0', systemIdentifier: '1', timeline: 1, segmentBytes: 16 * 1024 * 1024 },
  ...{ startLsn: parseLsn('0/2000028'), endLsn: parseLsn('0/2000120'), fromStandby: false, checksums: true },
  ...{ tablespaces: [], sizeBytes: 0, snapshotAt: '2026-11-21T02:00:00.000Z' },
};
const path: LogPath = {
  ...{ timeline: 1, names: [], forks: [], lost: undefined },
  reachable: { timeline: 1, lsn: parseLsn('0/6200000') },
  firstMissing: '000000010000000000000006',
};
const said: LogCover = { timeline: 1, at: '2026-11-21T06:10:00.000Z', lsn: '0/6200000' };
const logOf = (covered: LogCover | undefined): LogReader => ({
  timelines: async () => [1],
  segments: async () => [],
  history: async () => undefined,
  read: () => {
    throw new Error('nothing is read');
  },
  covered: async () => covered,
});
const later = { kind: 'time', value: '2026-11-21T06:10:01.000Z' } as const;

test('a time after all that the log is known to have is refused before anything is fetched', async () => {
  await assert.rejects(requireReachable(later, base, { log: logOf(said), path }), {
    code: 'point-unreachable',
    message:
      'time 2026-11-21T06:10:01.000Z cannot be reached: the log in the store goes to 2026-11-21T06:10:00.000Z, 0/6200000',
    hint: 'ask for an earlier moment (--to-time 2026-11-21T06:10:00.000Z), or for the latest (--to-latest)',
  });
});

test('what has come since the receiver spoke last may reach a later time, and none that is still to come', async () => {
  const covered = { ...said, lsn: '0/6000000', latest: '2026-11-21T06:10:20.000Z' };
  const log = logOf(covered);

  await requireReachable(later, base, { log, path });
  await assert.rejects(requireReachable({ ...later, value: '2099-01-01T00:00:00.000Z' }, base, { log, path }), {
    code: 'point-unreachable',
    message:
      'time 2099-01-01T00:00:00.000Z cannot be reached: the log in the store goes to 2026-11-21T06:10:20.000Z, 0/6200000',
  });
});

test('a log that goes on after what was said of it last, or along another timeline, is asked itself', async () => {
  for (const covered of [undefined, { ...said, lsn: '0/6000000' }, { ...said, timeline: 2 }])
    await requireReachable(later, base, { log: logOf(covered), path });
});

test('the latest point of a log with a gap is refused with the last one before it', async () => {
  const lacking = { ...path, lost: '000000010000000000000007', reachable: { timeline: 1, lsn: parseLsn('0/7000000') } };

  await assert.rejects(requireReachable({ kind: 'latest' }, base, { log: logOf(undefined), path: lacking }), {
    code: 'point-unreachable',
    message:
      "the latest point cannot be reached: '000000010000000000000007' is not in the store, where the log goes on after it; the last point before it is 0/7000000",
    hint: "say --to-lsn 0/7000000 for that one, or take a backup from after the gap: 'holdfast list' shows them",
  });
  await requireReachable({ kind: 'lsn', value: '0/7000000' }, base, { log: logOf(undefined), path: lacking });
});
