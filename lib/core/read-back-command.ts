import type { Outcome } from './outcome.ts';
import type { RestoreRun } from './requests.ts';
import { quoted } from './shell-quoted.ts';

type Asked = Pick<RestoreRun, 'backupId' | 'target' | 'into' | 'schemas' | 'tables' | 'paths' | 'onConflict'>;

/**
 * What to type to have a copy read back that was put in place without it; undefined where it was read, where it came out of a whole server, whose
 * backup says nothing of single rows, and where it is a part of the backup or lies among other things, for what is there is compared as a whole.
 */
export function readBackCommand(
  { backupId, target, into, schemas, tables, paths, onConflict }: Asked,
  { reached }: Pick<NonNullable<Outcome['restore']>, 'reached'>,
  { from, to, proof }: NonNullable<Outcome['restore']>['databases'][number],
): string | undefined {
  if (proof !== 'loaded' || reached !== undefined) return undefined;
  if ((schemas ?? tables ?? paths ?? onConflict) !== null) return undefined;
  return [
    `holdfast compare ${backupId}`,
    ...(into === target ? [] : [`--into ${into}`]),
    `--database ${quoted(from)} --with ${quoted(to)}`,
  ].join(' ');
}
