import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldfastError } from '../../../lib/core/errors.ts';
import { walStateSchema } from '../../../lib/core/health.ts';
import { walHealthKey } from '../../../lib/core/object-keys.ts';
import { parseLsn } from '../../../lib/engines/postgres/replication/lsn.ts';
import { timelinePath } from '../../../lib/engines/postgres/replication/timeline-history.ts';
import { readDocument } from '../../../lib/store/document.ts';
import type { Store } from '../../../lib/store/store.ts';
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

test('how it ended stands in the store, although the document before it took long to be written', async () => {
  await using place = await walPlace();
  const held = Promise.withResolvers<void>();
  let puts = 0;
  const slow: Store = Object.create(place.store, {
    put: {
      value: async (...args: Parameters<Store['put']>) => {
        puts += 1;
        if (puts === 1) await held.promise;
        return await place.store.put(...args);
      },
    },
  });
  const state = new ReceiverState({ store: slow, target, slotName: 'slot', clock: () => now, measure: () => {} });
  state.begin({ systemIdentifier, timeline: 1, path: timelinePath(1, []), durable: parseLsn('0/300000') });

  const first = state.tell(assert.ifError);
  state.ended('refused', new HoldfastError('wal-conflict', 'it differs'));
  const last = state.tell(assert.ifError);
  held.resolve();
  await Promise.all([first, last]);

  const { value } = await readDocument(place.store, walHealthKey(target), walStateSchema);
  assert.deepEqual([puts, value?.state, value?.error?.code], [2, 'refused', 'wal-conflict']);
});
