import { join } from 'node:path';
import { pushWal } from '../../wal/push-wal.ts';
import type { CliContext } from '../context.ts';
import { direct } from '../direct.ts';
import { chosenWalTarget } from '../wal-target.ts';

type Options = { readonly file: string; readonly target?: string; readonly dataDirectory?: string };

/** For archive_command: the file is durable in the store when this ends with 0. */
export async function run(context: CliContext, options: Options): Promise<number> {
  const target = chosenWalTarget(await context.config(), options.target);
  const controlFile = join(options.dataDirectory ?? '.', 'global', 'pg_control');
  const pushed = await direct(context, (run) => pushWal(run, target, { path: options.file, controlFile }));
  context.output.result({ target, ...pushed }, () => [
    pushed.outcome === 'written' ? `${pushed.name} is in the store` : `${pushed.name} was in the store already`,
  ]);
  return 0;
}
