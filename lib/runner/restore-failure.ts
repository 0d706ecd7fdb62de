import { HoldfastError } from '../core/errors.ts';
import type { RestoreOutcome } from './restore.ts';

/** The failure that a restore is when one of its copies differs from the backup; undefined when all are the same. */
export function restoreFailure({ databases }: RestoreOutcome): HoldfastError | undefined {
  const different = databases.filter(({ same }) => !same);
  if (different.length === 0) return undefined;
  const found = different.map(
    ({ from, to, differences }) => `'${to}' (of '${from}'): ${differences.slice(0, 5).join('; ')}`,
  );
  return new HoldfastError(
    'comparison-failed',
    `${different.length} of ${databases.length} copies differ from the backup: ${found.join(' | ')}`,
  );
}
