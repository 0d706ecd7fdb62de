import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HoldfastError } from '../../lib/core/errors.ts';
import {
  capacityOf,
  defaultPartPlan,
  largestPartOf,
  partLimits,
  partOffsetOf,
  partSizeOf,
  planParts,
} from '../../lib/core/part-plan.ts';

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;
const tebibyte = 1024 ** 4;

test('the default plan cuts a 4 GiB object into 256 parts of 16 MiB', () => {
  assert.deepEqual(defaultPartPlan, { firstBytes: 16_777_216, growthBytes: 0, tierParts: 100, maxParts: 10_000 });
  assert.equal(partOffsetOf(257), 4_294_967_296);
  assert.equal(largestPartOf(defaultPartPlan, 4 * gibibyte), 16_777_216);
});

test('a store of 1,000 parts holds a default object in parts of one size', () => {
  const plan = planParts({ maxParts: 1000 });

  assert.equal(plan.growthBytes, 0);
  assert.equal(capacityOf(plan), 16_777_216_000);
});

test('parts of a 5 TiB object begin at 16 MiB and end below 1.1 GiB', () => {
  const plan = planParts({ objectBytes: 5 * tebibyte });

  assert.equal(partSizeOf(1, plan), 16_777_216);
  assert.equal(partSizeOf(100, plan), 16_777_216);
  assert.equal(partSizeOf(101, plan), 27_545_600);
  assert.equal(largestPartOf(plan, 5 * tebibyte), 1_082_847_232);
  assert.ok(capacityOf(plan) >= 5_497_558_138_880);
});

test('the largest object of S3, 48.8 TiB, takes 10,000 parts of 5 GiB', () => {
  const plan = planParts({ objectBytes: 53_687_091_200_000 });

  assert.deepEqual(plan, { firstBytes: 5_368_709_120, growthBytes: 0, tierParts: 100, maxParts: 10_000 });
});

test('a plan for an object beyond what the store can hold is refused', () => {
  assert.throws(
    () => planParts({ objectBytes: 53_687_091_200_001 }),
    (error) => error instanceof HoldfastError && error.code === 'config-invalid',
  );
});

test('a part number that the store does not allow is refused', () => {
  assert.throws(() => partSizeOf(0), /part number '0'/);
  assert.throws(() => partSizeOf(10_001), /part number '10001'/);
});

const planOptions = fc.record({
  partBytes: fc.integer({ min: 1, max: 64 * mebibyte }),
  objectBytes: fc.integer({ min: 1, max: 48 * tebibyte }),
  maxParts: fc.constantFrom(10, 100, 1000, 10_000),
});

test('every plan holds its object, in parts that never shrink and never exceed 5 GiB', () => {
  fc.assert(
    fc.property(planOptions, (options) => {
      fc.pre(options.objectBytes <= options.maxParts * partLimits.maxPartBytes);
      const plan = planParts(options);

      assert.ok(capacityOf(plan) >= options.objectBytes);
      assert.ok(largestPartOf(plan, options.objectBytes) <= partLimits.maxPartBytes);
      for (const n of [1, 2, Math.ceil(plan.maxParts / 2), plan.maxParts - 1])
        assert.ok(partSizeOf(n + 1, plan) >= partSizeOf(n, plan));
    }),
  );
});

test('offsets are the running sum of the sizes', () => {
  fc.assert(
    fc.property(planOptions, (options) => {
      fc.pre(options.objectBytes <= options.maxParts * partLimits.maxPartBytes);
      const plan = planParts(options);

      let offset = 0;
      for (let n = 1; n <= Math.min(plan.maxParts, 1000); n += 1) {
        assert.equal(partOffsetOf(n, plan), offset);
        offset += partSizeOf(n, plan);
      }
    }),
  );
});

test('no part needs more memory than twice the smallest that could do, or the size asked for', () => {
  fc.assert(
    fc.property(planOptions, (options) => {
      fc.pre(options.objectBytes <= options.maxParts * partLimits.maxPartBytes);
      const plan = planParts(options);

      const smallest = options.objectBytes / options.maxParts;
      const rounding = mebibyte;
      assert.ok(largestPartOf(plan, options.objectBytes) <= Math.max(options.partBytes, 2 * smallest + rounding));
    }),
  );
});
