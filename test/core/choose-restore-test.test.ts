import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseRestoreTest, restoreTestOdds, type TestCandidate } from '../../lib/core/choose-restore-test.ts';
import { newOperationId, targetNameSchema } from '../../lib/core/ids.ts';

const now = new Date('2026-11-21T12:00:00.000Z');
const hourMs = 3_600_000;

const candidate = (target: string, hoursOld: number, isVerified = false): TestCandidate => {
  const at = new Date(now.getTime() - hoursOld * hourMs);
  return {
    target: targetNameSchema.parse(target),
    backupId: newOperationId(at, '00000000'),
    restorablePoint: at.toISOString(),
    isVerified,
  };
};
const candidates = fc.array(
  fc
    .record({
      target: fc.constantFrom('orders', 'stock', 'books'),
      hours: fc.integer({ min: -48, max: 20_000 }),
      isVerified: fc.boolean(),
    })
    .map(({ target, hours, isVerified }) => candidate(target, hours, isVerified)),
  { minLength: 1, maxLength: 60 },
);
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('every candidate has a chance, and all chances together are certainty', () => {
  fc.assert(
    fc.property(candidates, (all) => {
      const odds = restoreTestOdds(all, now).map((one) => one.odds);
      assert.equal(odds.length, all.length);
      assert.ok(odds.every((one) => one > 0 && one <= 1.000001));
      assert.ok(Math.abs(odds.reduce((sum, one) => sum + one, 0) - 1) < 1e-9);
    }),
  );
});

test('one of the candidates is chosen whatever the number drawn, and the same one for the same number', () => {
  fc.assert(
    fc.property(candidates, random, (all, drawn) => {
      const chosen = chooseRestoreTest(all, { now, random: drawn });
      assert.ok(chosen && all.includes(chosen.candidate));
      assert.deepEqual(chooseRestoreTest(all, { now, random: drawn }), chosen);
    }),
  );
});

test('the order in which candidates are given changes no chance', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(
        candidates.map((all) => all[0] as TestCandidate),
        { selector: ({ target, backupId }) => `${target} ${backupId}`, minLength: 1 },
      ),
      (all) => {
        const oddsOf = (given: readonly TestCandidate[]) =>
          restoreTestOdds(given, now)
            .map(({ candidate: { target, backupId }, odds }) => `${target} ${backupId} ${odds.toFixed(9)}`)
            .sort();
        assert.deepEqual(oddsOf(all.toReversed()), oddsOf(all));
      },
    ),
  );
});

test('of the unverified backups of a target the newest is the likeliest', () => {
  fc.assert(
    fc.property(candidates, (all) => {
      for (const ofTarget of Map.groupBy(restoreTestOdds(all, now), (one) => one.candidate.target).values()) {
        const open = ofTarget.filter((one) => !one.candidate.isVerified);
        const best = Math.max(...open.map(({ odds }) => odds));
        const newest = Math.max(...open.map((one) => Date.parse(one.candidate.restorablePoint)));
        if (open.length > 0)
          assert.ok(open.some((one) => one.odds === best && Date.parse(one.candidate.restorablePoint) === newest));
      }
    }),
  );
});

test('a target that was verified four weeks ago is sixteen times as likely as one of last week', () => {
  const odds = restoreTestOdds([candidate('orders', 7 * 24, true), candidate('stock', 28 * 24, true)], now);

  assert.deepEqual(
    odds.map((one) => `${one.candidate.target} ${one.odds.toFixed(4)}`),
    ['orders 0.0588', 'stock 0.9412'],
  );
});

test('a target that was never verified counts like one of a year ago', () => {
  const odds = restoreTestOdds([candidate('orders', 1), candidate('stock', 365 * 24, true)], now);

  assert.deepEqual(
    odds.map(({ odds: chance }) => chance),
    [0.5, 0.5],
  );
});

test('within a target each older backup has half the chance, and a verified one a tenth of its own', () => {
  const odds = restoreTestOdds([candidate('orders', 1), candidate('orders', 2), candidate('orders', 3, true)], now);

  assert.deepEqual(
    odds.map((one) => one.odds.toFixed(4)),
    ['0.6557', '0.3279', '0.0164'],
  );
});

test('nothing is chosen where there is nothing', () => {
  assert.equal(chooseRestoreTest([], { now, random: 0.5 }), undefined);
});
