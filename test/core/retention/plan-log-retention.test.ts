import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newOperationId, type TargetName } from '../../../lib/core/ids.ts';
import type { LogObject, LogStart, StoredLog } from '../../../lib/core/retention/log-facts.ts';
import { type LogRetentionInput, planLogRetention } from '../../../lib/core/retention/plan-log-retention.ts';
import { type TimelinePath, timelinePath } from '../../../lib/engines/postgres/replication/timeline-history.ts';
import { segmentName } from '../../../lib/engines/postgres/replication/wal-segments.ts';
import { extentOf, segmentsOf } from '../../../lib/wal/wal-contents.ts';
import { parseWalName, pieceName } from '../../../lib/wal/wal-names.ts';
import { dayMs, orders, plainPolicy } from './facts.ts';

const system = '7434001122334455667';
const segmentBytes = 64 * 1024;
const now = new Date('2026-11-26T06:00:00Z');
const longAgo = Date.parse('2026-11-01T00:00:00Z');

function objectOf(name: string, modifiedAt = longAgo): LogObject {
  const parsed = parseWalName(name);
  if (parsed === undefined || parsed.kind === 'history') throw new Error(`'${name}' is no segment, piece or label`);
  return { name, timeline: parsed.timeline, position: name.slice(8, 24), kind: parsed.kind, sizeBytes: 10, modifiedAt };
}

const logOf = (objects: readonly LogObject[], systemIdentifier = system): StoredLog => ({
  target: orders,
  systemIdentifier,
  objects,
});

const startAt = (segment: string, over: Partial<LogStart> = {}): LogStart => ({
  backup: newOperationId(new Date('2026-11-20T00:00:00Z'), '00000001'),
  systemIdentifier: system,
  timeline: Number.parseInt(segment.slice(0, 8), 16),
  position: segment.slice(8),
  writtenAt: '2026-11-20T01:00:00.000Z',
  ...over,
});

const plan = (objects: readonly LogObject[], starts: readonly LogStart[], over: Partial<LogRetentionInput> = {}) =>
  planLogRetention({
    logs: [logOf(objects)],
    starts: new Map(starts.length === 0 ? [] : [[orders, starts]]),
    unknown: new Map(),
    policies: new Map(),
    otherwise: plainPolicy,
    now,
    ...over,
  });

/** Verdict, rule and names of each decision. */
const short = (decisions: ReturnType<typeof plan>) =>
  decisions.map(({ verdict, rule, objects }) => [verdict, rule, objects.map(({ name }) => name.slice(22)).join(' ')]);

const segments = (...last: string[]) => last.map((digits) => objectOf(`0000000100000000000000${digits}`));

test('what lies before the segment in which the oldest kept base begins goes, with labels and pieces; that segment stays', () => {
  const objects = [
    objectOf('000000010000000000000004'),
    objectOf('000000010000000000000004.00000028.backup'),
    objectOf('000000010000000000000005.partial-00000000-00001000'),
    objectOf('000000010000000000000006'),
    objectOf('000000010000000000000007'),
  ];

  const decisions = plan(objects, [startAt('000000010000000000000007'), startAt('000000010000000000000006')]);

  assert.deepEqual(short(decisions), [
    ['delete', 'before-backups', '04 04.00000028.backup 05.partial-00000000-00001000'],
    ['keep', 'needed', '06 07'],
  ]);
  assert.equal(decisions[0]?.before, '0000000000000006');
});

test('pieces of a segment that is there whole go an hour later; those of one that is not stay', () => {
  const young = now.getTime() - 1_800_000;
  const objects = [
    objectOf('000000010000000000000007'),
    objectOf('000000010000000000000007.partial-00000000-00001000'),
    objectOf('000000010000000000000008', young),
    objectOf('000000010000000000000008.partial-00000000-00001000'),
    objectOf('000000010000000000000009.partial-00000000-00001000'),
  ];

  assert.deepEqual(short(plan(objects, [startAt('000000010000000000000007')])), [
    ['delete', 'whole', '07.partial-00000000-00001000'],
    ['keep', 'needed', '07 08 08.partial-00000000-00001000 09.partial-00000000-00001000'],
  ]);
});

test('while it is not known what is needed nothing goes', () => {
  const unknown = new Map([[orders, "nothing of 'orders' goes while one of its backups cannot be read"]]);

  assert.deepEqual(short(plan(segments('04', '08'), [startAt('000000010000000000000008')], { unknown })), [
    ['keep', 'unknown', '04 08'],
  ]);
  assert.deepEqual(short(plan(segments('04', '08'), [])), [['keep', 'unclaimed', '04 08']]);
});

test('a timeline that is newer than those of all kept backups stays whole', () => {
  const objects = [...segments('04', '08'), objectOf('000000020000000000000004')];

  assert.deepEqual(short(plan(objects, [startAt('000000010000000000000008')])), [
    ['delete', 'before-backups', '04'],
    ['keep', 'needed', '08'],
    ['keep', 'needed', '04'],
  ]);
});

test('what the store was given after the oldest kept base was published stays, wherever it says that it belongs', () => {
  const objects = [objectOf('000000010000000000000004', Date.parse('2026-11-20T01:00:00Z')), ...segments('08')];

  assert.deepEqual(short(plan(objects, [startAt('000000010000000000000008')])), [['keep', 'needed', '04 08']]);
});

test('the log of a system without backups goes a year after its end, when the target has one of another system', () => {
  const other = [startAt('000000010000000000000008', { systemIdentifier: '1' })];
  const objects = segments('04', '05');
  const at = (days: number) => ({ now: new Date(longAgo + days * dayMs) });

  assert.deepEqual(short(plan(objects, other, at(365))), [['keep', 'unclaimed', '04 05']]);
  assert.deepEqual(short(plan(objects, other, at(366))), [['delete', 'abandoned', '04 05']]);
  assert.deepEqual(short(plan(objects, [], at(366))), [['keep', 'unclaimed', '04 05']]);
  const elsewhere = new Map([['billing' as TargetName, other]]);
  assert.deepEqual(short(plan(objects, [], { ...at(366), starts: elsewhere })), [['keep', 'unclaimed', '04 05']]);
});

// A cluster that is promoted and set back at random, of whose log some is there whole, some in pieces, some twice and some not at all.
const places = fc.array(
  fc.record({
    timeline: fc.integer({ min: 1, max: 4 }),
    number: fc.integer({ min: 1, max: 24 }),
    is: fc.constantFrom('whole', 'whole', 'whole', 'pieces', 'both', 'missing' as const),
    late: fc.boolean(),
  }),
  { minLength: 20, maxLength: 120 },
);
const forks = fc.tuple(...[2, 3, 4].map((of) => fc.record({ from: fc.integer({ min: 1, max: of - 1 }), at: lsns() })));
const bases = fc.array(fc.record({ timeline: fc.integer({ min: 1, max: 4 }), at: lsns(), kept: fc.boolean() }), {
  minLength: 1,
  maxLength: 6,
});

function lsns(): fc.Arbitrary<bigint> {
  return fc.bigInt({ min: BigInt(segmentBytes), max: BigInt(24 * segmentBytes) });
}

test('no removal shortens what any kept backup reaches, along any timeline', () => {
  let removed = 0;
  fc.assert(
    fc.property(places, forks, bases, (there, origins, taken) => {
      const names = new Map<string, number>();
      for (const { timeline, number, is, late } of there) {
        const name = segmentName(timeline, BigInt(number * segmentBytes), segmentBytes);
        const writtenAt = late ? now.getTime() - dayMs : longAgo;
        if (is === 'whole' || is === 'both') names.set(name, writtenAt);
        if (is === 'pieces' || is === 'both') {
          names.set(pieceName(name, 0, 30_000), writtenAt);
          names.set(pieceName(name, 30_000, 60_000), writtenAt);
        }
      }
      const objects = [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, at]) => objectOf(name, at));
      const kept = taken.filter((base) => base.kept);
      const starts = kept.map(({ timeline, at }) => startAt(segmentName(timeline, at, segmentBytes)));

      const decisions = plan(objects, starts);
      const stays = decisions.filter(({ verdict }) => verdict === 'keep').flatMap((one) => one.objects);

      removed += objects.length - stays.length;
      assert.deepEqual(
        decisions.flatMap((one) => one.objects.map(({ name }) => name)).sort(),
        objects.map(({ name }) => name).sort(),
      );
      for (const { timeline, at } of kept)
        for (const path of pathsThrough(timeline, origins))
          assert.deepEqual(reachOf(stays, path, at), reachOf(objects, path, at));
    }),
    { numRuns: 500 },
  );
  assert.ok(removed > 5_000, `only ${removed} objects were removed: the stores prove nothing`);
});

/** Every line of descent that leads over a timeline. */
function pathsThrough(timeline: number, origins: readonly { readonly from: number; readonly at: bigint }[]) {
  const pathTo = (of: number): TimelinePath => {
    const ancestors = [];
    for (let at = of; at > 1; ) {
      const fork = origins[at - 2];
      if (fork === undefined) break;
      ancestors.unshift({ timeline: fork.from, end: fork.at, reason: 'promoted' });
      at = fork.from;
    }
    return timelinePath(of, ancestors);
  };
  return [1, 2, 3, 4].map(pathTo).filter((path) => path.some((stretch) => stretch.timeline === timeline));
}

/** How far a recovery would get, as recovery itself works it out. */
function reachOf(objects: readonly LogObject[], path: TimelinePath, from: bigint): bigint {
  const byTimeline = Map.groupBy(objects, ({ timeline }) => timeline);
  const found = new Map(
    [...byTimeline].map(([timeline, some]) => [
      timeline,
      segmentsOf(
        some.map(({ name }) => name),
        segmentBytes,
      ),
    ]),
  );
  return extentOf(found, path, { from, segmentBytes }).lsn;
}
