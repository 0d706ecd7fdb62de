import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { asAccount, type ServerAccount } from '../../../servers/server-account.ts';
import { startWatchdog } from '../../../servers/watchdog.ts';

/** How a program of the server's ended, and what it said. */
export type ProgramEnd = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/**
 * Runs one of the server's own programs to its end as the account that owns the files. It is stopped when `signal` fires, and does not outlive
 * this process.
 */
export async function runProgram(options: {
  readonly program: string;
  readonly args: readonly string[];
  readonly account: ServerAccount | undefined;
  readonly input?: string;
  readonly signal?: AbortSignal;
}): Promise<ProgramEnd> {
  const child = spawn(options.program, options.args, {
    ...asAccount(options.account),
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.signal && { signal: options.signal, killSignal: 'SIGINT' as const }),
  });
  const closed = once(child, 'close');
  const watchdog = startWatchdog({ signal: 'KILL', account: options.account });
  watchdog.guard(child.pid);
  // One that ends before it has read its input is judged by its exit code.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  try {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = (await closed) as [number | null];
    return { code, stdout, stderr };
  } finally {
    watchdog.guard(undefined);
    await watchdog.release();
  }
}
