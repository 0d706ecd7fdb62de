import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

export type CliEnd = {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The failure that `--json` prints on stderr, when it is all that is there. */
  readonly error: { readonly code: string; readonly message: string; readonly hint: string; readonly exitCode: number };
};

const program = resolve(import.meta.dirname, '../../bin/holdfast.ts');

/** Runs the command line as a process of its own, to its end. */
export async function runCli(
  args: readonly string[],
  options: { readonly environment?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): Promise<CliEnd> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return {
    exitCode,
    stdout: stdout(),
    stderr: stderr(),
    get error() {
      return (JSON.parse(stderr()) as { error: CliEnd['error'] }).error;
    },
  };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}
