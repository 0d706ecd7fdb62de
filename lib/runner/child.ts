import { type ChildProcess, spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { HoldfastError } from '../core/errors.ts';
import { startWatchdog } from '../servers/watchdog.ts';

/** How a child process ended: by itself with `code`, or by `signal`. */
export type ChildEnd = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type Child = {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /**
   * Settles when the process has ended *and* its pipes are closed, so stdout must be read (or `stop` called) for it to settle.
   * Rejects with `tool-missing` only when the program could not be started at all.
   */
  readonly ended: Promise<ChildEnd>;
  /** The last 16 KiB of what it wrote to stderr. */
  stderr(): string;
  /** SIGINT, then SIGKILL after the grace time, to its whole process group; resolves when it is gone. May be called at any time, and twice. */
  stop(): Promise<void>;
};

const stderrLimit = 16 * 1024;

/**
 * A program run as a child in a process group of its own (a terminal's Ctrl-C reaches us, and we end the child in order). Its
 * end is the caller's to await; it is stopped when `signal` aborts, and does not outlive this process, however that ends.
 */
export function openChild(options: {
  readonly program: string;
  readonly args: readonly string[];
  /** The child's whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** @default 5 */
  readonly graceSeconds?: number;
  /** How far others on this machine go before it, 0 to 19. @default 0 */
  readonly niceness?: number;
}): Child {
  // Who kills us does not reach its group, and a tool that waits for a lock would go on holding the source for hours.
  const watchdog = startWatchdog({ signal: 'KILL' });
  const child = spawn(options.program, options.args, {
    env: { ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  if (child.pid !== undefined) watchdog.guard(-child.pid);
  if (child.pid !== undefined && options.niceness !== undefined) lowerPriority(child.pid, options.niceness);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrLimit);
  });
  // A child that ends before it has read its input is judged by its exit code, not by our broken pipe.
  child.stdin.on('error', () => {});

  let hasEnded = false;
  const ended = new Promise<ChildEnd>((resolve, reject) => {
    child.once('close', (code, signal) => {
      hasEnded = true;
      resolve({ code, signal });
    });
    child.once('error', (cause) => {
      if (child.pid !== undefined) return;
      reject(new HoldfastError('tool-missing', `'${options.program}' could not be started`, { cause }));
    });
  });
  ended.catch(() => {});

  let stopping: Promise<void> | undefined;
  const stop = () => {
    // The number of a group that is gone may be another's by now.
    stopping ??= hasEnded ? Promise.resolve() : end(child, ended, options.graceSeconds ?? 5);
    return stopping;
  };
  const onAbort = () => void stop();
  if (options.signal.aborted) onAbort();
  else options.signal.addEventListener('abort', onAbort, { once: true });
  const forget = () => {
    options.signal.removeEventListener('abort', onAbort);
    watchdog.guard(undefined);
    watchdog.release().catch(() => {});
  };
  ended.then(forget, forget);

  return { stdin: child.stdin, stdout: child.stdout, ended, stderr: () => stderr, stop };
}

function lowerPriority(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // It has ended already, or the platform does not let us; it works all the same.
  }
}

async function end(child: ChildProcess, ended: Promise<ChildEnd>, graceSeconds: number): Promise<void> {
  killGroup(child, 'SIGINT');
  // The child itself may go at SIGINT while something it started ignores it and holds the pipes; SIGKILL is for the whole group too.
  const timer = setTimeout(() => killGroup(child, 'SIGKILL'), graceSeconds * 1000);
  child.stdin?.destroy();
  child.stdout?.destroy();
  await ended.catch(() => {});
  clearTimeout(timer);
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // The last of the group ended a moment ago.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
