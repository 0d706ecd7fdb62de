import { HoldfastError } from '../../core/errors.ts';
import { openChild } from '../../runner/child.ts';
import { stopReason } from '../stop-reason.ts';
import { fromTool } from './errors.ts';

/** What looks at a tool's output as it passes, and says at its end whether it was whole. */
export type OutputCheck = { write(chunk: Uint8Array): void; end(): void };

/** A dump is never as urgent as what else runs on its machine, which may be the database server. */
const dumpNiceness = 10;

/**
 * The output of a dump tool. Ends normally only when the tool exited with 0, its pipes were closed and `check` found the output whole.
 * Throws otherwise: what the tool's last words mean when it failed (`dump-failed` when nothing we know), `dump-incomplete` when it
 * claims success, the abort's own error when it was stopped. The tool is gone when this has ended, however it ended.
 */
export async function* toolOutput(options: {
  readonly program: string;
  readonly tool: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** E.g. `the dump of database 'orders'`. */
  readonly doing: string;
  readonly signal: AbortSignal;
  readonly check: OutputCheck;
  readonly onWarnings?: (warnings: readonly string[]) => void;
}): AsyncGenerator<Uint8Array, void> {
  const { tool, doing, signal, check } = options;
  if (signal.aborted) throw stopReason(signal, doing);
  const child = openChild({
    program: options.program,
    args: options.args,
    env: options.env,
    signal,
    niceness: dumpNiceness,
  });
  child.stdin.end();
  try {
    for await (const chunk of child.stdout as AsyncIterable<Uint8Array>) {
      claimedSuccess(doing, () => check.write(chunk));
      yield chunk;
    }
    const end = await child.ended;
    const stderr = child.stderr();
    if (end.code !== 0) throw fromTool({ tool, doing, end, stderr, otherwise: 'dump-failed' });
    claimedSuccess(doing, () => check.end());
    options.onWarnings?.(stderr.split('\n').filter((line) => line.includes(': warning: ')));
  } catch (error) {
    throw signal.aborted ? stopReason(signal, doing) : error;
  } finally {
    await child.stop();
  }
}

function claimedSuccess(doing: string, look: () => void): void {
  try {
    look();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError('dump-incomplete', `${doing} is not whole: ${why}`, { cause });
  }
}
