import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PaceController } from '../../../../lib/engines/postgres/pace/pace-controller.ts';

type Server = {
  /** Transactions a second that it does when nobody dumps, at that second. */
  readonly rate: (second: number) => number;
  /** What of that a dump costs that works all the time. */
  readonly cost: number;
};

/** A dump of so many seconds beside that server: what share of its transactions was lost, and how much of the time the dump worked. */
function simulate({ rate, cost }: Server, seconds: number): { readonly loss: number; readonly worked: number } {
  const pace = new PaceController(0.1, 0);
  let transactions = 0;
  let possible = 0;
  let worked = 0;
  for (let second = 1; second <= seconds; second++) {
    const share = pace.share(second - 1);
    transactions += rate(second) * (1 - cost * share);
    possible += rate(second);
    worked += share;
    pace.observe(second, transactions);
  }
  return { loss: possible === 0 ? 0 : 1 - transactions / possible, worked: worked / seconds };
}

describe('the pace of a dump', () => {
  test('others lose at most a tenth of their transactions, whatever a dump costs them', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.95, noNaN: true }),
        fc.integer({ min: 1000, max: 100_000 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer(),
        (cost, rate, noisePercent, seed) => {
          // A small generator of its own, so that a failing case can be run again.
          let state = seed | 1;
          const noise = (): number => {
            state = Math.imul(state, 1_103_515_245) + 12_345;
            return (((state >>> 16) & 0x7fff) / 0x7fff - 0.5) * 2 * (noisePercent / 100);
          };

          const { loss } = simulate({ cost, rate: () => rate * (1 + noise()) }, 1200);

          assert.ok(loss <= 0.1, `${(loss * 100).toFixed(1)} % were lost`);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('others lose no more than that in the first minute either, in which it finds its pace', () => {
    for (const cost of [0.1, 0.4, 0.7]) {
      const { loss } = simulate({ cost, rate: () => 8000 }, 60);

      assert.ok(loss <= 0.1, `${(loss * 100).toFixed(1)} % were lost to a dump that costs ${cost}`);
    }
  });

  test('a dump that costs nobody anything works nearly all the time', () => {
    const { worked } = simulate({ cost: 0, rate: () => 5000 }, 1200);

    assert.ok(worked > 0.85, `it worked ${(worked * 100).toFixed(0)} % of the time`);
  });

  test('a server that does next to nothing for others is dumped without a rest', () => {
    assert.equal(simulate({ cost: 0.9, rate: () => 3 }, 300).worked, 1);
  });

  test('when others begin to work during a dump, it makes room for them; when they end, it has all of the server', () => {
    const busy = (second: number): number => (second > 300 && second <= 1500 ? 8000 : 0);

    const quiet = simulate({ cost: 0.4, rate: () => 0 }, 300);
    const beside = simulate({ cost: 0.4, rate: busy }, 1500);
    const after = simulate({ cost: 0.4, rate: busy }, 3000);

    assert.equal(quiet.worked, 1);
    assert.ok(beside.loss <= 0.1 && beside.worked < 0.5, JSON.stringify(beside));
    assert.ok(after.worked > 0.6, JSON.stringify(after));
  });

  test('a rest ends by itself when nothing is observed any more', () => {
    const pace = new PaceController(0.1, 0);
    for (const second of [1, 2]) pace.observe(second, second * 1000);

    assert.deepEqual([pace.share(3), pace.share(8), pace.share(15)], [0, 0, 1]);
  });
});
