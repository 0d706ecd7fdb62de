import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Sample } from './bench-row.ts';

/**
 * Runs a script under bash and measures it with everything that it starts, from the shell's own account of its children: a pipe
 * counts as failed when any of its programs does. Throws with the last of stderr when it fails.
 */
export async function measureScript(options: {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** The data folder of a PostgreSQL server whose time is to be measured too. @default - none */
  readonly serverData?: string;
}): Promise<Sample> {
  const loadBefore = loadavg()[0] ?? Number.NaN;
  const machineBefore = machineCpuSeconds();
  const serverBefore = serverCpuSeconds(options.serverData);
  const beganAt = performance.now();
  const shell = spawn('bash', ['-c', `set -o pipefail\n(\n${options.script}\n)\ncode=$?\ntimes >&3\nexit $code`], {
    env: { PATH: process.env['PATH'] ?? '', ...options.env },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  const [errors, times, [code]] = await Promise.all([
    text(shell.stdio[2] as NodeJS.ReadableStream),
    text(shell.stdio[3] as NodeJS.ReadableStream),
    once(shell, 'close'),
  ]);
  const seconds = (performance.now() - beganAt) / 1000;
  if (code !== 0) throw new Error(`a contender ended with ${code}: ${errors.slice(-2000)}\n${options.script}`);
  return {
    seconds,
    cpuSeconds: cpuSecondsOf(times),
    serverCpuSeconds: serverCpuSeconds(options.serverData) - serverBefore,
    machineCpuSeconds: machineCpuSeconds() - machineBefore,
    loadBefore,
  };
}

/** The sum of what bash's `times` printed: user and system time, of the shell and of its children, like `0m1.234s`. */
function cpuSecondsOf(times: string): number {
  return [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}

function machineCpuSeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
}

/** What the postmaster's ended children have used, in Linux's hundredths of a second; NaN elsewhere. */
function serverCpuSeconds(dataFolder: string | undefined): number {
  if (dataFolder === undefined) return Number.NaN;
  const pid = readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8').split('\n', 1)[0];
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return Number.NaN;
  // The program's name, in parentheses, may hold blanks; the fields are counted after it.
  const fields = readFileSync(file, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
