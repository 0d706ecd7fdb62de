import type { Outcome } from './outcome.ts';
import type { RestoreRun } from './requests.ts';
import { quoted } from './shell-quoted.ts';

/**
 * What to type to have a copy read back that was put in place without it; undefined where it was read, where it was merged with what was there,
 * and where it came out of a whole server, whose backup says nothing of single rows.
 */
export function readBackCommand(
  { backupId, target, into, onConflict }: Pick<RestoreRun, 'backupId' | 'target' | 'into' | 'onConflict'>,
  { reached }: Pick<NonNullable<Outcome['restore']>, 'reached'>,
  { from, to, proof }: NonNullable<Outcome['restore']>['databases'][number],
): string | undefined {
  if (proof !== 'loaded' || reached !== undefined || onConflict !== null) return undefined;
  return [
    `holdfast compare ${backupId}`,
    ...(into === target ? [] : [`--into ${into}`]),
    `--database ${quoted(from)} --with ${quoted(to)}`,
  ].join(' ');
}
