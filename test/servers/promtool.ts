import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ensurePromtool } from '../../scripts/servers/promtool.ts';

/** Runs promtool with `input` on its stdin, and gives its exit code and what it printed. */
export async function promtool(
  args: readonly string[],
  input = '',
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(await ensurePromtool(() => {}), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: Buffer.concat(chunks).toString() };
}
