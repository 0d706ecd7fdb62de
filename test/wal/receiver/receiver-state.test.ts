import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLsn } from '../../../lib/engines/postgres/replication/lsn.ts';
import { timelinePath } from '../../../lib/engines/postgres/replication/timeline-history.ts';
import { ReceiverState } from '../../../lib/wal/receiver/receiver-state.ts';
import { systemIdentifier, target, walPlace } from '../wal-place.ts';

const now = new Date('2026-11-26T12:00:00.000Z');
const point = '2026-11-26T11:00:00.000Z';
const gap = { at: '2026-11-26T10:00:00.000Z', timeline: 1, from: '0/100000', to: '0/200000' };

test('what an earlier receiver called restorable is so until another log is received, or the store has less of it', async () => {
  await using place = await walPlace();
  const stateAfter = (begins: { readonly system?: string; readonly timeline?: number; readonly durable?: string }) => {
    const state = new ReceiverState({
      store: place.store,
      target,
      slotName: 'slot',
      clock: () => now,
      measure: () => {},
    });
    state.recall({
      ...{ formatVersion: 1, at: point, target, systemIdentifier, state: 'ended', timeline: 1, gap },
      ...{ receivedLsn: '0/300000', durableLsn: '0/300000', restorablePoint: point, lagBytes: 0, lagSeconds: 0 },
      slot: { name: 'slot', retainedBytes: 0, safeBytes: null, limitBytes: null },
    });
    assert.equal(state.now.restorablePoint, point);
    const { system = systemIdentifier, timeline = 1, durable = '0/300000' } = begins;
    const path = timelinePath(timeline, []);
    state.begin({ systemIdentifier: system, timeline, path, durable: parseLsn(durable) });
    return state.now;
  };

  assert.equal(stateAfter({}).restorablePoint, point);
  assert.equal(stateAfter({ timeline: 2 }).restorablePoint, point);
  assert.equal(stateAfter({ durable: '0/2FFFFF' }).restorablePoint, null);
  assert.deepEqual(stateAfter({}).gap, gap);
  const other = stateAfter({ system: '7434009999999999999', durable: '0/900000' });
  assert.deepEqual([other.restorablePoint, other.gap], [null, null]);
});
