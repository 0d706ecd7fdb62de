import * as z from 'zod';
import type { KeepCounts } from '../core/retention/policy.ts';
import type { Tier } from '../core/vocabulary.ts';

const daysPerUnit = { d: 1, w: 7, y: 365.25 } as const;

/** `7d`, `4w`, `7y` as whole days, rounded up. */
export const retentionSchema = z
  .string()
  .regex(/^[1-9]\d{0,4}[dwy]$/, "is not a retention: a number and 'd', 'w' or 'y', e.g. 7d, 4w, 7y")
  .transform((text) => Math.ceil(Number(text.slice(0, -1)) * daysPerUnit[text.slice(-1) as keyof typeof daysPerUnit]));

/** How long each tier is kept when nothing else is said, in days. A manual backup is kept like a weekly one. */
export const tierRetentionDays: Readonly<Record<Tier, number>> = {
  daily: 7,
  weekly: 28,
  monthly: 365,
  compliance: 2557,
  manual: 28,
};

/** What is kept beyond a tier's own time: for how many periods the last backup of each, and how many complete backups in any case. */
export type RetentionRules = { readonly keep: KeepCounts; readonly floor: number };

/** The rules of who says nothing: each backup for its own time, and never less than the newest complete one. */
export const defaultRetention: RetentionRules = {
  keep: { last: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
  floor: 1,
};

const countSchema = z.number().int().min(0).max(10_000).optional();

/** As a configuration says it: what is left out is the installation's, or the default. */
export const retentionRulesSchema = z
  .strictObject({
    keep: z
      .strictObject({
        last: countSchema.describe('So many newest backups'),
        daily: countSchema.describe('The last backup of each of so many days that have one'),
        weekly: countSchema.describe('Of so many weeks (from Monday, ISO 8601)'),
        monthly: countSchema.describe('Of so many months'),
        yearly: countSchema.describe('Of so many years'),
      })
      .prefault({})
      .describe(
        'What is kept beyond its own time, of each target and method; days, weeks, months and years are of UTC',
      ),
    floor: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe('So many complete backups of each target and method are never removed; 1 when left out'),
  })
  .describe('See docs/retention.md');

/** The rules of a target: its own, else the installation's, else the defaults. */
export function mergeRetention(
  ...rules: readonly (z.output<typeof retentionRulesSchema> | undefined)[]
): RetentionRules {
  const given = rules.filter((rule) => rule !== undefined);
  const first = <Value>(of: (rule: (typeof given)[number]) => Value | undefined, otherwise: Value): Value =>
    given.map(of).find((value) => value !== undefined) ?? otherwise;
  const { keep, floor } = defaultRetention;
  return {
    keep: {
      last: first((rule) => rule.keep.last, keep.last),
      daily: first((rule) => rule.keep.daily, keep.daily),
      weekly: first((rule) => rule.keep.weekly, keep.weekly),
      monthly: first((rule) => rule.keep.monthly, keep.monthly),
      yearly: first((rule) => rule.keep.yearly, keep.yearly),
    },
    floor: first((rule) => rule.floor, floor),
  };
}
