import type { HoldfastConfig } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import type { TargetName } from '../core/ids.ts';
import { parseTarget } from './direct.ts';

/** The target whose write-ahead log is meant: the one that is named, or the only one that has such a log. */
export function chosenWalTarget(config: HoldfastConfig, named: string | undefined): TargetName {
  if (named !== undefined) return parseTarget(named);
  const candidates = config.targets.filter(({ wal }) => wal !== undefined);
  const [only, ...others] = candidates;
  if (only !== undefined && others.length === 0) return only.name;
  throw new HoldfastError('usage', `there are ${candidates.length} targets with a write-ahead log`, {
    hint: 'say which with --target',
  });
}
