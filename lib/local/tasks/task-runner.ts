import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { availableParallelism, constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pLimit from 'p-limit';
import { startWatchdog } from '../../servers/watchdog.ts';
import type { LocalTaskDefinition } from '../model.ts';
import { containerStart } from './container-start.ts';

/** One run of a task definition. */
export type TaskRequest = {
  readonly definition: LocalTaskDefinition;
  readonly taskArn: string;
  readonly command: readonly string[] | undefined;
  /** The whole environment of the process. */
  readonly environment: Readonly<Record<string, string>>;
  /** When it fires, the task is asked to stop. */
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
};

/**
 * How the task's container ended: an exit code, 128 + signal number when a signal ended it, as ECS counts; undefined when it never started, and
 * the reason is ECS's word for that.
 */
export type TaskEnd = { readonly exitCode: number | undefined; readonly reason: string };

/** Fargate has capacity for hundreds; here the rest waits for its turn, as a task does that finds none. */
const mostTasks = Math.max(2, availableParallelism());

/**
 * Runs tasks as processes, each the leader of a group of its own. Its dump tools are in groups of theirs, which go with the task, however it
 * ends (`openChild`). SIGTERM asks it to stop; SIGKILL follows after the container's stop timeout. A watchdog does the same when this process
 * dies without a word, so that no task outlives its stack. A task's temporary folder is its own and goes with it, as a Fargate task's disk
 * does: one that is killed leaves password files behind.
 */
export class TaskRunner {
  readonly #running = new Map<ChildProcess, { readonly stop: () => void; readonly ended: Promise<TaskEnd> }>();
  readonly #limit: ReturnType<typeof pLimit>;
  #isClosed = false;

  /** `most` tasks run at a time. @default - as many as the machine has cores, two at least */
  constructor(most = mostTasks) {
    this.#limit = pLimit(most);
  }

  run(request: TaskRequest): Promise<TaskEnd> {
    return this.#limit(() => this.#start(request));
  }

  /** Asks all tasks to stop, and waits until they have; no new ones start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running.values()];
    for (const { stop } of running) stop();
    await Promise.all(running.map(({ ended }) => ended));
  }

  /** Ends all tasks at once, with no chance to clean up. */
  kill(): void {
    this.#isClosed = true;
    for (const child of this.#running.keys()) signalGroup(child, 'SIGKILL');
  }

  async #start(request: TaskRequest): Promise<TaskEnd> {
    if (request.signal.aborted) return { exitCode: 128 + 15, reason: 'Task stopped before it had started' };
    if (this.#isClosed) throw new Error('the local stack is stopping and starts no task');
    const { container } = request.definition;
    const start = containerStart(container, request.command);
    // A short name: sockets of servers lie below, whose paths may not be long.
    const temporary = mkdtempSync(join(request.environment['TMPDIR'] ?? tmpdir(), 'task-'));
    // As /tmp has it: a database server that a task starts runs under another account.
    chmodSync(temporary, 0o1777);
    const child = spawn(start.program, start.arguments, {
      cwd: container.folder,
      env: { ...request.environment, TMPDIR: temporary },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', request.onLine);
    const ended = endOf(child);
    const watchdog = startWatchdog({ signal: 'TERM', removeFolder: temporary });
    if (child.pid !== undefined) watchdog.guard(-child.pid);
    const stop = (): void => stopGroup(child, container.stopTimeoutSeconds);
    this.#running.set(child, { stop, ended });
    request.signal.addEventListener('abort', stop, { once: true });
    try {
      return await ended;
    } finally {
      request.signal.removeEventListener('abort', stop);
      watchdog.guard(undefined);
      this.#running.delete(child);
      // What else the leader left behind must not go on.
      signalGroup(child, 'SIGKILL');
      await watchdog.release();
    }
  }
}

function endOf(child: ChildProcess): Promise<TaskEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) =>
      resolve({ exitCode: undefined, reason: `CannotStartContainerError: ${error.message}` }),
    );
    child.once('close', (code, signal) =>
      resolve({
        exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]),
        reason: 'Essential container in task exited',
      }),
    );
  });
}

function stopGroup(child: ChildProcess, stopTimeoutSeconds: number): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), stopTimeoutSeconds * 1000);
  child.once('close', () => clearTimeout(timer));
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group has ended by itself.
  }
}
