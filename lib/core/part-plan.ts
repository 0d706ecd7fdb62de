import { HoldfastError } from './errors.ts';

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

/** S3's own limits (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html): 10,000 parts of 5 GiB make 48.8 TiB. */
export const partLimits = {
  minPartBytes: 5 * mebibyte,
  maxPartBytes: 5 * gibibyte,
  maxParts: 10_000,
} as const;

/**
 * The sizes of an upload's parts, known before its length is. Part `n`, counted from 1, has
 *
 *     firstBytes + growthBytes × floor((n − 1) / tierParts)      bytes, and the last one what is left.
 *
 * There are 100 tiers (`tierParts` = maxParts / 100). While `maxParts` parts of the first size suffice for the object size limit,
 * `growthBytes` is 0: 4 GiB objects in 16 MiB parts make 256 parts of one size. Otherwise growth is the least that makes all
 * parts together hold the limit. It is linear because memory is parts in flight × the largest part: the largest is then
 * below twice `limit / maxParts`, the least that any plan can have; doubling sizes would make it eight times that.
 */
export type PartPlan = {
  readonly firstBytes: number;
  readonly growthBytes: number;
  readonly tierParts: number;
  readonly maxParts: number;
};

export type PartPlanOptions = {
  /** What the first parts are to be. @default 16 MiB */
  readonly partBytes?: number;
  /** The most that one object may hold. @default 4 GiB */
  readonly objectBytes?: number;
  /** How many parts the store allows; some allow 1,000. @default 10,000 */
  readonly maxParts?: number;
};

/** The plan whose parts suffice for any object up to `objectBytes`. Throws `config-invalid` when no plan can. */
export function planParts(options: PartPlanOptions = {}): PartPlan {
  const { partBytes = 16 * mebibyte, objectBytes = 4 * gibibyte, maxParts = partLimits.maxParts } = options;
  for (const [name, value] of Object.entries({ partBytes, objectBytes, maxParts })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new HoldfastError('config-invalid', `${name} '${value}' is not a positive whole number`);
  }
  const tierParts = Math.max(1, Math.floor(maxParts / 100));
  const plan = (firstBytes: number, growthBytes: number): PartPlan => ({
    firstBytes,
    growthBytes,
    tierParts,
    maxParts,
  });

  const level = plan(partBytes, 0);
  if (capacityOf(level) >= objectBytes) return level;

  const growthSteps = partOffsetOf(maxParts + 1, plan(0, 1));
  const growing = plan(partBytes, roundUp((objectBytes - partBytes * maxParts) / Math.max(1, growthSteps), 4096));
  const enough = capacityOf(growing) >= objectBytes;
  if (enough && partSizeOf(maxParts, growing) <= partLimits.maxPartBytes) return growing;

  // Near the very end of what the store can hold there is no room for small parts at the beginning.
  const widest = plan(Math.min(partLimits.maxPartBytes, roundUp(objectBytes / maxParts, mebibyte)), 0);
  if (capacityOf(widest) >= objectBytes) return widest;
  throw new HoldfastError(
    'config-invalid',
    `objects of '${objectBytes}' bytes do not fit into ${maxParts} parts of at most 5 GiB`,
    { hint: 'lower the object size limit: a longer stream goes on in the next object by itself' },
  );
}

/** 16 MiB parts for objects of up to 4 GiB: 256 parts, which every store allows. */
export const defaultPartPlan: PartPlan = planParts();

/** How many bytes part `partNumber` (from 1) holds unless it is the last. */
export function partSizeOf(partNumber: number, plan: PartPlan = defaultPartPlan): number {
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > plan.maxParts)
    throw new HoldfastError('internal', `part number '${partNumber}' is not between 1 and ${plan.maxParts}`);
  return plan.firstBytes + plan.growthBytes * Math.floor((partNumber - 1) / plan.tierParts);
}

/** Where part `partNumber` begins within the object: the sum of all sizes before it. `maxParts + 1` gives the plan's capacity. */
export function partOffsetOf(partNumber: number, plan: PartPlan = defaultPartPlan): number {
  const before = partNumber - 1;
  const tier = Math.floor(before / plan.tierParts);
  const inTier = before % plan.tierParts;
  return before * plan.firstBytes + plan.growthBytes * ((plan.tierParts * tier * (tier - 1)) / 2 + inTier * tier);
}

/** The largest object that the plan's parts can hold. */
export function capacityOf(plan: PartPlan): number {
  return partOffsetOf(plan.maxParts + 1, plan);
}

/** The largest part of an object of `objectBytes`: what one part in flight can cost in memory. */
export function largestPartOf(plan: PartPlan, objectBytes: number): number {
  let low = 1;
  let high = plan.maxParts;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (partOffsetOf(middle, plan) < objectBytes) low = middle;
    else high = middle - 1;
  }
  return partSizeOf(low, plan);
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
