import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { parseConfig } from '../../lib/config/load.ts';
import { walHealthKey } from '../../lib/core/object-keys.ts';
import { lookAtWal } from '../../lib/lifecycle/wal-facts.ts';
import { putJson } from '../../lib/store/text.ts';
import { segmentBytes, systemIdentifier, target, walPlace } from '../wal/wal-place.ts';

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
