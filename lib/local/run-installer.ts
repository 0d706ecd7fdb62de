import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Prints one line of progress. */
export type Progress = (line: string) => void;

/** Runs a program to its end; its last lines are in the error when it fails. Says every 20 seconds that it is still at it. */
export async function runInstaller(
  program: string,
  args: readonly string[],
  options: { readonly label: string; readonly progress: Progress; readonly env?: NodeJS.ProcessEnv },
): Promise<void> {
  const child = spawn(program, args, { ...(options.env && { env: options.env }), stdio: ['ignore', 'pipe', 'pipe'] });
  const tail: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      tail.push(line);
      if (tail.length > 20) tail.shift();
    });
  }
  const began = Date.now();
  const ticker = setInterval(() => {
    options.progress(`${options.label}: still at it after ${Math.round((Date.now() - began) / 1000)} s`);
  }, 20_000);
  try {
    const [code, signal] = await once(child, 'close');
    if (code !== 0) {
      throw new Error(`'${program} ${args.join(' ')}' ended with ${code ?? signal}:\n${tail.join('\n')}`);
    }
  } finally {
    clearInterval(ticker);
  }
}
