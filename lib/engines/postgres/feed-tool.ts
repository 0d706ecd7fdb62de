import { once } from 'node:events';
import { type Child, openChild } from '../../runner/child.ts';
import { stopReason } from '../stop-reason.ts';
import { fromTool } from './errors.ts';

/**
 * Runs a tool that reads from its standard input what `bytes` give, to its end. The bytes' own error wins over the tool's, which is but its
 * consequence. Rejects with what the tool's last words mean, or `restore-failed`.
 */
export async function feedTool(options: {
  readonly program: string;
  readonly tool: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** E.g. `the restore of database 'orders'`. */
  readonly doing: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { tool, doing, signal } = options;
  if (signal.aborted) throw stopReason(signal, doing);
  const child = openChild({ program: options.program, args: options.args, env: options.env, signal });
  child.stdout.resume();
  try {
    await feed(child, options.bytes);
    const end = await child.ended;
    if (signal.aborted) throw stopReason(signal, doing);
    if (end.code !== 0) throw fromTool({ tool, doing, end, stderr: child.stderr(), otherwise: 'restore-failed' });
  } finally {
    await child.stop();
  }
}

/**
 * Writes the bytes into the child as fast as it takes them. Rejects only when the bytes themselves break off, and then does not end the
 * child's input, so that it cannot take the part for the whole; a child that goes away before the end is judged by its exit code.
 */
async function feed(child: Child, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const gone = new AbortController();
  const onGone = () => gone.abort();
  child.ended.then(onGone, onGone);
  for await (const chunk of bytes) {
    if (child.stdin.destroyed) return;
    if (!child.stdin.write(chunk)) await once(child.stdin, 'drain', { signal: gone.signal }).catch(() => {});
  }
  child.stdin.end();
}
