import { receiveTargetWal } from '../../runner/receive-wal.ts';
import type { CliContext } from '../context.ts';
import { direct } from '../direct.ts';
import { chosenWalTarget } from '../wal-target.ts';

/** Receives a target's write-ahead log into the store until it is stopped. Ctrl-C is how it ends, and no failure. */
export async function run(context: CliContext, options: { readonly target?: string }): Promise<number> {
  const target = chosenWalTarget(await context.config(), options.target);
  const say = (line: string, fields?: Readonly<Record<string, string>>): void => {
    const hint = fields?.['hint'];
    context.output.line(hint === undefined ? line : `${line}\n  ${hint}`);
  };
  await direct(context, (run) => receiveTargetWal(run, target, { log: { info: say, warn: say, error: say } }));
  context.output.result({ target, state: 'ended' }, () => ['stopped; everything that was received is in the store']);
  return 0;
}
