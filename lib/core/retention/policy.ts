import { HoldfastError } from '../errors.ts';
import type { TargetName } from '../ids.ts';
import type { Method, Tier } from '../vocabulary.ts';

/** How many periods keep their last backup beyond its own time: grandfather, father, son. 0 is none. Periods are of UTC. */
export type KeepCounts = {
  readonly last: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
};

/** Rules for the backups of one target. */
export type RetentionPolicy = {
  /** How long each tier is kept, in days. What a manifest promised stands when that is longer. */
  readonly days: Readonly<Record<Tier, number>>;
  readonly keep: KeepCounts;
  /** So many complete backups of each method are never removed, however old. At least 1. */
  readonly floor: number;
  /**
   * Methods whose backups restore to any time of the last `days` days, together with the log that follows them. Such a window needs the newest
   * base that was complete before it begins, and everything after.
   */
  readonly window?: { readonly days: number; readonly methods: readonly Method[] };
};

/** Throws `config-invalid` for rules under which nothing need be left. */
export function assertKeepsSomething(target: TargetName, { days, keep, floor, window }: RetentionPolicy): void {
  const refuse = (what: string): never => {
    throw new HoldfastError('config-invalid', `the retention of target '${target}' would keep nothing: ${what}`, {
      hint: "retention.floor is 1 or more, and every tier's retention a day or more",
    });
  };
  if (!Number.isInteger(floor) || floor < 1) refuse(`its floor is ${floor}`);
  for (const [tier, count] of Object.entries(days)) if (!(count >= 1)) refuse(`tier '${tier}' is kept ${count} days`);
  for (const [period, count] of Object.entries(keep)) if (!(count >= 0)) refuse(`keep.${period} is ${count}`);
  if (window !== undefined && !(window.days > 0)) refuse(`its window is ${window.days} days`);
}
