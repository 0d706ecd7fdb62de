import { spawn } from 'node:child_process';
import { programEnvironment } from '../config/program-folders.ts';
import { HoldfastError } from '../core/errors.ts';
import type { SourceService } from '../engines/engine.ts';
import { openChild } from '../runner/child.ts';

/**
 * A service that is switched by commands of this machine. That it is started again is promised by a shell beside this process, in a session of
 * its own: it learns from the end of its input that this process is gone, be it by SIGKILL, and runs the command for starting unless it was told
 * that the server runs.
 */
export function commandService(commands: {
  readonly stop: readonly string[];
  readonly start: readonly string[];
}): SourceService {
  return {
    async stop(signal) {
      const guard = openGuard(commands.start);
      const start = async (): Promise<void> => {
        // Its own signal: the run may have been told to stop, and this has to be done all the same.
        await run(commands.start, new AbortController().signal, 'starting the server again');
        await guard.release();
      };
      let starting: Promise<void> | undefined;
      const startOnce = (): Promise<void> => {
        starting ??= start().catch((error: unknown) => {
          // Whoever asks again means it.
          starting = undefined;
          throw error;
        });
        return starting;
      };
      try {
        await run(commands.stop, signal, 'stopping the server');
      } catch (error) {
        await startOnce();
        throw error;
      }
      return { start: startOnce };
    },
  };
}

async function run(command: readonly string[], signal: AbortSignal, doing: string): Promise<void> {
  const [program = '', ...args] = command;
  const child = openChild({ program, args, env: programEnvironment(), signal });
  child.stdin.end();
  child.stdout.resume();
  const { code, signal: killed } = await child.ended;
  if (code === 0) return;
  const said = child.stderr().trim().split('\n').slice(-3).join('; ');
  throw new HoldfastError(
    'service-not-switched',
    `${doing} failed: '${program}' ended with ${code ?? killed}${said && `: ${said}`}`,
  );
}

// It waits for as long as this process lives; an empty input means that nobody said that the server runs. A server inherits which signals are
// ignored: one that ignored SIGTERM could not be stopped any more.
const script = `
trap '' INT TERM HUP
started=
while IFS= read -r line; do started=$line; done
[ "$started" = started ] && exit
trap - INT TERM HUP
exec "$@"
`;

function openGuard(command: readonly string[]): { release(): Promise<void> } {
  const shell = spawn('/bin/sh', ['-c', script, 'holdfast-guard', ...command], {
    cwd: '/',
    detached: true,
    env: { ...programEnvironment() },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = new Promise<void>((resolve) => shell.once('close', () => resolve()));
  shell.stdin.on('error', () => {});
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return {
    async release() {
      shell.ref();
      shell.stdin.end('started\n');
      await ended;
    },
  };
}
