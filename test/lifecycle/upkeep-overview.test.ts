import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackupId } from '../../lib/core/ids.ts';
import { healthKeys } from '../../lib/core/object-keys.ts';
import { holdCleanupLease, releaseCleanupLease } from '../../lib/lifecycle/cleanup/cleanup-lease.ts';
import { upkeepOverview } from '../../lib/lifecycle/upkeep-overview.ts';
import { putJson } from '../../lib/store/text.ts';
import { lifecycle } from './fixtures.ts';

const at = (time: string) => (): Date => new Date(time);
const noon = at('2026-11-21T12:00:00.000Z');

test('what is done beside backups is listed with its last run, as far as one left a trace, and its next ones', async () => {
  await using place = await lifecycle();
  const run = { cleanupId: '20261115T060000Z-0000000c' as BackupId, execution: 'sunday' };
  await holdCleanupLease(place.store, run, at('2026-11-15T06:00:03.000Z'));
  await releaseCleanupLease(place.store, run.execution, at('2026-11-15T06:01:00.000Z'));
  const reconciled = { at: '2026-11-21T11:50:00.000Z', journaled: 0, applied: 2, leftOut: 0 };
  await putJson(place.store, healthKeys.reconciler, reconciled);

  const upkeep = await upkeepOverview({ ...place, catalog: undefined, clock: noon, warn: () => {} });

  assert.deepEqual(
    upkeep.map(({ name, lastRun, nextRuns }) => [name, lastRun?.at, lastRun?.outcome, nextRuns[0]]),
    [
      ['restore-test', undefined, undefined, '2026-11-22T12:00:00.000Z'],
      ['cleanup', '2026-11-15T06:00:03.000Z', 'ENDED', '2026-11-22T06:00:00.000Z'],
      ['health-check', undefined, undefined, '2026-11-21T12:30:00.000Z'],
      ['take-requests', undefined, undefined, undefined],
      ['watch', undefined, undefined, undefined],
      ['reconcile', '2026-11-21T11:50:00.000Z', '2 events brought to the catalog', undefined],
      ['apply-schedules', undefined, undefined, undefined],
    ],
  );
});

test('a cleanup that runs is told as running, and what is switched off has no next run', async () => {
  await using place = await lifecycle();
  const run = { cleanupId: '20261121T115900Z-0000000c' as BackupId, execution: 'by-hand' };
  await holdCleanupLease(place.store, run, at('2026-11-21T11:59:00.000Z'));
  const config = { ...place.config, run: { ...place.config.run, cleanup: false } };

  const upkeep = await upkeepOverview({ ...place, config, catalog: undefined, clock: noon, warn: () => {} });

  const cleanup = upkeep.find(({ name }) => name === 'cleanup');
  assert.deepEqual(cleanup?.lastRun, { at: '2026-11-21T11:59:00.000Z', outcome: 'RUNNING' });
  assert.deepEqual([cleanup?.enabled, cleanup?.nextRuns], [false, []]);
});
