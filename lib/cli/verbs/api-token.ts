import { HoldfastError } from '../../core/errors.ts';
import { findApiToken } from '../../local/api-token.ts';
import type { CliContext } from '../context.ts';
import { stateDirectoryOf } from '../state-directory.ts';

export async function run({ configFile, output }: CliContext): Promise<number> {
  const token = findApiToken(stateDirectoryOf(configFile));
  if (token === undefined)
    throw new HoldfastError('caller-unknown', 'the local stack of this configuration has no token yet', {
      hint: "its first start makes one: 'holdfast up'",
    });
  output.result({ token }, () => [token]);
  return 0;
}
