import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { asAccount, type ServerAccount } from './server-account.ts';

/** Ends a server and removes its folder when this process ends, however it ends. */
export type Watchdog = {
  /** Names the process to end (a negative number: the group of processes), or undefined while none runs. */
  guard(pid: number | undefined): void;
  /** Ends the guarded process if there is one, removes the folder if one was given, and resolves when that is done. */
  release(): Promise<void>;
};

// It learns that its parent is gone from the end of its standard input: the kernel closes the pipe even on SIGKILL.
const script = `
signal=$1; folder=$2; pid=
trap '' INT TERM HUP
while IFS= read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -s "$signal" -- "$pid" 2>/dev/null
  tries=0
  while kill -s 0 -- "$pid" 2>/dev/null && [ $tries -lt 100 ]; do tries=$((tries+1)); sleep 0.1; done
  kill -s KILL -- "$pid" 2>/dev/null
fi
if [ -n "$folder" ]; then rm -rf -- "$folder"; fi
exit 0
`;

/**
 * A small shell beside this process, in a session of its own so that Ctrl-C does not reach it first. `signal` is sent to the guarded
 * process, and SIGKILL 10 seconds later. `removeFolder` is removed at the end. Runs as the given account, which must own both.
 */
export function startWatchdog(options: {
  readonly signal: 'INT' | 'QUIT' | 'TERM' | 'KILL';
  readonly removeFolder?: string;
  readonly account?: ServerAccount | undefined;
}): Watchdog {
  const shell = spawn('/bin/sh', ['-c', script, 'holdfast-watchdog', options.signal, options.removeFolder ?? ''], {
    ...asAccount(options.account),
    // Passwords of ours are none of its business.
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const exited = once(shell, 'exit');
  // Whoever awaits `release` is told; an early death alone must not end this process.
  exited.catch(() => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  const stdin = shell.stdin as unknown as { unref(): void };
  stdin.unref();
  return {
    guard(pid) {
      shell.stdin.write(`${pid ?? ''}\n`);
    },
    async release() {
      shell.ref();
      shell.stdin.end();
      await exited;
    },
  };
}
