import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../core/has-code.ts';
import { isGroupAlive } from './process-group.ts';
import { asAccount, type ServerAccount } from './server-account.ts';
import type { Watchdog } from './watchdog.ts';

/** A server that is a child of this process: it neither keeps this process alive nor outlives it. */
export type ChildServer = {
  /** Starts it and resolves when `isReady` says so; rejects with the end of its log when it ends before. */
  start(): Promise<void>;
  /** Sends the signal and resolves when the process is gone, and with a launcher what it has launched, and not before; nothing to do when it does not run. */
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
  let current: ChildProcess | undefined;

  async function start(): Promise<void> {
    if (current) throw new Error(`'${options.program}' runs already`);
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
    started.once('exit', () => void settle(started));
    await once(started, 'spawn');
    current = started;
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

  /** It is guarded, and no other is started, until what a launcher has launched is gone, too. */
  async function settle(ended: ChildProcess): Promise<void> {
    if (options.isLauncher && ended.pid !== undefined)
      for (let waitMs = 20; isGroupAlive(ended.pid); waitMs = Math.min(2 * waitMs, 200))
        await delay(waitMs, undefined, { ref: false });
    if (current === ended) current = undefined;
    options.watchdog.guard(undefined);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = current;
    if (!ending?.pid) return;
    ending.ref();
    signalIfThere(options.isLauncher ? -ending.pid : ending.pid, signal);
    while (current === ending) await delay(5);
  }

  return { start, end };
}

/** A negative number is a group. Of one in which there is nothing left but the ended, macOS says that it may not be signalled. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const hasEnded = hasCode(error, 'ESRCH') || (pid < 0 && process.platform === 'darwin' && hasCode(error, 'EPERM'));
    if (!hasEnded) throw error;
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
