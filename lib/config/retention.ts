import { z } from 'zod';
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
