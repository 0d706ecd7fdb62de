import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { parseConfig } from '../../lib/config/load.ts';
import { backupIdSchema } from '../../lib/core/ids.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import { manifestKey, walConflictKey } from '../../lib/core/object-keys.ts';
import { pushedLogProblems } from '../../lib/core/wal-problems.ts';
import { lookAtPushedLogs } from '../../lib/lifecycle/pushed-log-facts.ts';
import { putJson } from '../../lib/store/text.ts';
import { manifestOf } from '../catalog/manifests.ts';
import { segmentBytes, systemIdentifier, target, walPlace } from '../wal/wal-place.ts';

const config = parseConfig(
  `
store: { kind: file, path: ./vault }
encryption: { keys: key-file }
targets:
  - name: orders
    engine: postgres
    connection: { host: 127.0.0.1, user: backup, sslmode: disable }
    backups: [{ method: base, tier: daily, schedule: '0 2 * * *' }]
  - name: received
    engine: postgres
    connection: { host: 127.0.0.1, user: backup, sslmode: disable }
    backups: [{ method: base, tier: daily, schedule: '0 2 * * *' }]
    wal: { receive: true }
  - name: quiet
    engine: postgres
    connection: { host: 127.0.0.1, user: backup, sslmode: disable }
    backups: [{ method: base, tier: daily, schedule: '0 2 * * *' }]
`,
  { file: 'holdfast.yaml', directory: '/project', environment: {} },
);
const clock = () => new Date('2026-11-26T12:00:00Z');

async function pushedPlace() {
  const place = await walPlace();
  const { store } = place;
  return {
    store,
    /** As `wal push` writes it: whole segments, which say nothing of times. */
    push: (...numbers: readonly number[]) =>
      Promise.all(
        numbers.map((number) =>
          place.writer.write({
            name: `00000001000000000000000${number}`,
            segmentBytes,
            plain: randomBytes(segmentBytes),
          }),
        ),
      ),
    async base(id: string, startLsn: string, endLsn: string) {
      const backupId = backupIdSchema.parse(id);
      const template = manifestOf({ backupId });
      const [stream] = template.streams;
      assert.ok(stream);
      const facts = { systemIdentifier, timeline: 1, segmentBytes, startLsn, endLsn };
      const streams = [{ ...stream, name: 'cluster', kind: 'cluster', facts }];
      await putJson(store, manifestKey(target, backupId), { ...template, method: 'base', streams } satisfies Manifest);
    },
    look: () => lookAtPushedLogs({ config, store, clock }),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

test('a hole in a log that its server pushes is told, until it is filled or a base is beyond it', async () => {
  await using place = await pushedPlace();
  const problems = async () => pushedLogProblems(await place.look(), clock()).map(({ id }) => id);
  await place.push(3, 4, 7);
  assert.deepEqual(await place.look(), [], 'nothing goes on from a log without a base');
  await place.base('20261126T020000Z-00000001', '0/30028', '0/30040');

  const [facts, ...others] = await place.look();
  assert.deepEqual(others, []);
  assert.deepEqual(facts?.gaps, [
    {
      ...{ timeline: 1, first: '000000010000000000000005', last: '000000010000000000000006' },
      ...{ from: '0/50000', to: '0/70000', lastPoint: null, nextPoint: null },
    },
  ]);
  assert.deepEqual(await problems(), ['wal-gap-orders-1-000000010000000000000005']);

  await place.push(5, 6);
  assert.deepEqual(await place.look(), [{ target: 'orders', gaps: [] }]);
  await place.push(9);
  assert.deepEqual(await problems(), ['wal-gap-orders-1-000000010000000000000008']);
  await place.base('20261126T110000Z-00000002', '0/90028', '0/90040');
  assert.deepEqual(await problems(), []);
});

test('a log that ended before the newest base is left alone', async () => {
  await using place = await pushedPlace();
  await place.push(3, 5);

  await place.base('20261126T110000Z-00000002', '0/90028', '0/90040');

  assert.deepEqual(await place.look(), []);
});

test('what a server pushes and is refused is told, where nothing is received and no base is there', async () => {
  await using place = await pushedPlace();
  const conflict = {
    ...{ formatVersion: 1, at: '2026-11-26T11:30:00.000Z', host: 'db-copy', systemIdentifier },
    message: "the store has WAL '000000010000000000000003' with other content",
  };
  await putJson(place.store, walConflictKey(target), conflict);

  const found = await place.look();

  assert.deepEqual(
    pushedLogProblems(found, clock()).map(({ id, message }) => [id, message]),
    [
      [
        'wal-conflict-orders',
        "'orders': what 'db-copy' pushes is refused: the store has WAL '000000010000000000000003' with other content",
      ],
    ],
  );
  assert.deepEqual(pushedLogProblems(found, new Date('2026-11-26T12:30:01Z')), []);
});

test('a damaged object of a pushed log is told', async () => {
  await using place = await pushedPlace();
  await place.base('20261126T020000Z-00000001', '0/30028', '0/30040');
  await place.store.put(`wal/${target}/${systemIdentifier}/00000001/000000010000000000000003`, Buffer.from('no WAL'));

  const [problem] = pushedLogProblems(await place.look(), clock());

  assert.match(problem?.message ?? '', /^the log of 'orders' cannot be looked at, .*: \[corrupt\] WAL object/);
});
