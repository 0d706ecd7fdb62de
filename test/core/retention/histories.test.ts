import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planRetention } from '../../../lib/core/retention/plan-retention.ts';
import type { RetentionPolicy } from '../../../lib/core/retention/policy.ts';
import { backupAt, orders, plainPolicy } from './facts.ts';
import { liveThrough } from './history.ts';

/** How many histories are lived through: a few seconds' worth, unless HOLDFAST_RETENTION_HISTORIES says otherwise (docs/retention.md). */
const histories = Number(process.env['HOLDFAST_RETENTION_HISTORIES'] ?? 25);

const counts = fc.record({
  last: fc.integer({ min: 0, max: 4 }),
  daily: fc.integer({ min: 0, max: 10 }),
  weekly: fc.integer({ min: 0, max: 8 }),
  monthly: fc.integer({ min: 0, max: 12 }),
  yearly: fc.integer({ min: 0, max: 3 }),
});
const policies: fc.Arbitrary<RetentionPolicy> = fc
  .record({
    keep: fc.oneof(fc.constant(plainPolicy.keep), counts),
    floor: fc.integer({ min: 1, max: 3 }),
    monthly: fc.constantFrom(90, 365),
    window: fc.option(fc.integer({ min: 1, max: 40 })),
  })
  .map(({ keep, floor, monthly, window }) => ({
    days: { ...plainPolicy.days, monthly },
    keep,
    floor,
    ...(window === null ? {} : { window: { days: window, methods: ['logical'] } }),
  }));
const share = fc.double({ min: 0, max: 0.6, noNaN: true });

test(`no removal in ${histories} histories of three years costs anything that is needed`, {
  timeout: 3_600_000,
}, () => {
  let removals = 0;
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.integer(),
        days: fc.constant(3 * 365),
        policy: policies,
        failing: share,
        incremental: share,
        wrongClock: fc.double({ min: 0, max: 0.1, noNaN: true }),
        crashing: share,
      }),
      (weather) => {
        removals += liveThrough(weather).removed;
      },
    ),
    { numRuns: histories, endOnFailure: true },
  );

  assert.ok(removals > 200 * histories, `only ${removals} backups were removed: the histories prove nothing`);
});

test('a clock that is behind never removes what a right one would have kept', () => {
  const backups = fc.array(
    fc.record({
      hour: fc.integer({ min: 0, max: 3000 }),
      sound: fc.boolean(),
      verified: fc.boolean(),
      onLast: fc.boolean(),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(
      backups,
      policies,
      fc.integer({ min: 0, max: 5000 }),
      fc.integer({ min: 1, max: 2000 }),
      (made, policy, at, behind) => {
        const facts = [...new Map(made.map((one) => [one.hour, one])).values()].map(({ hour, sound, verified }) =>
          backupAt(new Date(Date.UTC(2026, 0, 1, hour)).toISOString(), {
            status: sound ? 'complete' : 'partial',
            verification: verified ? 'VERIFIED' : 'VALIDATED',
          }),
        );
        const chained = facts.map((backup, index) => ({
          ...backup,
          parent: made[index]?.onLast ? (facts[index - 1]?.id ?? null) : null,
        }));
        const gone = (hour: number): Set<string> =>
          new Set(
            planRetention({
              backups: chained,
              policies: new Map([[orders, policy]]),
              otherwise: policy,
              now: new Date(Date.UTC(2026, 0, 1, hour)),
            })
              .filter(({ verdict }) => verdict === 'delete')
              .map(({ backup }) => backup.id),
          );

        const early = gone(at - behind);
        const onTime = gone(at);

        assert.deepEqual(
          [...early].filter((id) => !onTime.has(id)),
          [],
        );
      },
    ),
    { numRuns: 2000 },
  );
});
