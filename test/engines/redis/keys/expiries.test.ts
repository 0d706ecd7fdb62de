import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareContent } from '../../../../lib/engines/redis/compare-content.ts';
import { ExpiryHistogram, keysDue } from '../../../../lib/engines/redis/keys/expiries.ts';

const day = 86_400_000;
const now = 1_800_000_000_000;

test('no more keys are excused than can have run out', () => {
  const histogram = new ExpiryHistogram();
  histogram.add(now - day, now - day);
  for (let key = 0; key < 1000; key++) histogram.add(now + day, now + day);
  const entry = { schema: 'db0', name: 'string, expiring', rows: 1001, bytes: 1, digest: 'a'.repeat(32) };
  const due = new Map([['db0 string, expiring', keysDue(histogram.expiries(), now)]]);
  const comparisonOf = (rows: number, digest = 'b'.repeat(32)) =>
    compareContent(
      { content: { tables: [entry] }, due, hasLibraries: false },
      { tables: [{ ...entry, rows, digest }] },
    );

  assert.deepEqual(comparisonOf(1000).differences, []);
  assert.deepEqual(comparisonOf(1000).remarks, [
    'database 0, string, expiring: 1 of 1001 keys have run out; the others were counted, and their values not compared',
  ]);
  assert.deepEqual(comparisonOf(999).differences, ['database 0, string, expiring: 999 keys, in the backup 1001']);
  assert.deepEqual(comparisonOf(1001).differences, ['database 0, string, expiring: other values in its 1001 keys']);
});

test('a hash of which a field may have run out is not compared by its values', () => {
  const entry = { schema: 'db0', name: 'hash, expiring', rows: 2, bytes: 1, digest: 'a'.repeat(32) };
  const due = new Map([['db0 hash, expiring', 1]]);

  const { differences } = compareContent(
    { content: { tables: [entry] }, due, hasLibraries: false },
    { tables: [{ ...entry, digest: 'b'.repeat(32) }] },
  );

  assert.deepEqual(differences, []);
});

test('a hash whose expiring fields have all run out is looked for among those that do not expire', () => {
  const entryOf = (name: string, rows: number, digest: string) => ({
    ...{ schema: 'db0', name, rows, bytes: 1, digest: digest.repeat(32) },
  });
  const due = new Map([['db0 hash, expiring', 1]]);
  const comparisonOf = (before: number, now: number, expiring: number) =>
    compareContent(
      {
        content: {
          tables: [entryOf('hash, expiring', 2, 'a'), ...(before > 0 ? [entryOf('hash', before, 'b')] : [])],
        },
        due,
        hasLibraries: false,
      },
      { tables: [entryOf('hash, expiring', expiring, 'c'), entryOf('hash', now, 'd')] },
    );

  for (const plain of [0, 5]) {
    const { same, remarks } = comparisonOf(plain, plain + 1, 1);
    assert.ok(same);
    assert.ok(
      remarks.includes(
        'database 0, hash: with 1 whose expiring fields have all run out; its keys were counted, and their values not compared',
      ),
    );
  }
  // One more than was there without one less elsewhere; two more; and one more than can have run out.
  assert.equal(comparisonOf(5, 6, 2).same, false);
  assert.equal(comparisonOf(5, 7, 1).same, false);
  assert.equal(comparisonOf(5, 7, 0).same, false);
  assert.equal(comparisonOf(0, 2, 0).same, false);
});

test('a hundred thousand moments take 64 stretches, and none of them begins after a key that is in it', () => {
  const histogram = new ExpiryHistogram();
  for (let key = 0; key < 100_000; key++) histogram.add(now + key * 77, now + key * 77);

  const expiries = histogram.expiries();

  assert.ok(expiries.due.length <= 64 && expiries.due.length > 32);
  assert.equal(keysDue(expiries, now - day), 0);
  assert.equal(keysDue(expiries, now + day), 100_000);
  const half = keysDue(expiries, now + 50_000 * 77 - 5000);
  assert.ok(half >= 50_001 && half < 55_000, `${half}`);
});

test('of a backup that does not tell how many keys run out when, any number may have', () => {
  assert.equal(keysDue({ first: now - 1, last: now + day }, now), Infinity);
  assert.equal(keysDue({ first: now + day, last: now + day }, now), 0);
});
