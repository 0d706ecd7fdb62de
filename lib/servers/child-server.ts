import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../core/has-code.ts';
import { asAccount, type ServerAccount } from './server-account.ts';
import type { Watchdog } from './watchdog.ts';

/** A server that is a child of this process: it neither keeps this process alive nor outlives it. */
export type ChildServer = {
  /** Starts it and resolves when `isReady` says so; rejects with the end of its log when it ends before. */
  start(): Promise<void>;
  /** Sends the signal and resolves when the process is gone, and with a launcher what it has launched; nothing to do when it does not run. */
  end(signal: NodeJS.Signals): Promise<void>;
};

/** Prepares the server; the watchdog guards it while it runs. Its output goes to the log file, which each start empties. */
export function childServer(options: {
  readonly program: string;
  readonly args: readonly string[];
  /** Its whole environment, beside a PATH. */
  readonly env: Readonly<Record<string, string>>;
  readonly account?: ServerAccount | undefined;
  readonly logFile: string;
  /** Is the program a launcher, whose own child is the server? Signals then go to both. @default false */
  readonly isLauncher?: boolean;
  readonly watchdog: Watchdog;
  readonly isReady: (pid: number) => Promise<boolean>;
  /** One that is not ready by then has failed. @default 60 */
  readonly readyWithinSeconds?: number;
}): ChildServer {
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    if (child) throw new Error(`'${options.program}' runs already`);
    const log = openSync(options.logFile, 'w', 0o644);
    // In a session of its own, or Ctrl-C would end it before its clients.
    const started = spawn(options.program, options.args, {
      ...asAccount(options.account),
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...options.env },
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    started.once('exit', () => {
      if (child === started) child = undefined;
      options.watchdog.guard(undefined);
    });
    await once(started, 'spawn');
    child = started;
    const pid = started.pid ?? 0;
    options.watchdog.guard(options.isLauncher ? -pid : pid);
    const deadline = Date.now() + (options.readyWithinSeconds ?? 60) * 1000;
    while (!(await options.isReady(pid))) {
      if (!isRunning(started) || Date.now() > deadline) {
        const log = readFileSync(options.logFile, 'utf8').slice(-2000);
        throw new Error(`'${options.program}' did not become ready:\n${log}`);
      }
      await delay(10);
    }
    started.unref();
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const running = child;
    if (!running || !isRunning(running)) return;
    running.ref();
    const exited = once(running, 'exit');
    if (options.isLauncher && running.pid !== undefined) process.kill(-running.pid, signal);
    else running.kill(signal);
    await exited;
    if (options.isLauncher && running.pid !== undefined) await groupEnded(running.pid);
  }

  return { start, end };
}

/** As one looks that has ended and that nobody takes note of, where the first process of a container is no init. */
const mostGroupEndMs = 10_000;

/** Resolves when nothing is left of the group, whose leader has ended. */
async function groupEnded(leader: number): Promise<void> {
  for (const deadline = Date.now() + mostGroupEndMs; Date.now() < deadline; ) {
    try {
      process.kill(-leader, 0);
    } catch (error) {
      if (hasCode(error, 'ESRCH')) return;
    }
    await delay(10);
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
