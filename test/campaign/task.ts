import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

/** A task as ECS would run it: a process in a group of its own. */
export type Task = {
  readonly pid: number;
  /** Its exit code, 128 + the signal's number when a signal ended it. It has ended when this resolves, with all that it started. */
  readonly ended: Promise<number>;
  /** Everything that it printed. */
  output(): string;
  signal(name: NodeJS.Signals): void;
};

/** A task that has not ended after this long never will: every wait of the program is bounded below it. */
const hangSeconds = 360;

/** Thrown when a task had to be killed because it would not end. */
export class TaskHung extends Error {}

export function beginTask(commandLine: readonly string[], environment: Readonly<Record<string, string>>): Task {
  const [program = '', ...args] = commandLine;
  const child = spawn(program, args, {
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`'${program}' could not be started`);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));

  const ended = (async () => {
    let isHung = false;
    const guard = setTimeout(() => {
      isHung = true;
      signalGroup(pid, 'SIGKILL');
    }, hangSeconds * 1000);
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    clearTimeout(guard);
    // What the task leaves running must not go on reading the source.
    signalGroup(pid, 'SIGKILL');
    if (isHung) throw new TaskHung(`the task did not end within ${hangSeconds} seconds`);
    return code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
  })();
  ended.catch(() => {});
  return {
    pid,
    ended,
    output: () => String(Buffer.concat(chunks)),
    signal: (name) => {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended by itself a moment ago.
      }
    },
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing of the group is left.
  }
}
