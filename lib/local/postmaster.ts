import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** What a data folder's postmaster.pid says of the server that runs on it, or ran when it was killed. */
export type Postmaster = {
  readonly pid: number;
  readonly port: number;
  readonly socketFolder: string;
  readonly isReady: boolean;
};

/** Reads postmaster.pid: pid, data folder, start time, port, socket folder, listen address, shared memory key, status, a line each. */
export function readPostmaster(dataFolder: string): Postmaster | undefined {
  try {
    const lines = readFileSync(path.join(dataFolder, 'postmaster.pid'), 'utf8').split('\n');
    return {
      pid: Number(lines[0]),
      port: Number(lines[3]),
      socketFolder: lines[4] ?? '',
      isReady: lines[7]?.trim() === 'ready',
    };
  } catch {
    return undefined;
  }
}

/** Whether the server with this pid runs on the data folder and accepts connections. */
export function isPostmasterReady(dataFolder: string, pid: number): boolean {
  const found = readPostmaster(dataFolder);
  return found?.pid === pid && found.isReady;
}

/** Whether the process is a PostgreSQL server started on that data folder, and not one that got the pid of a dead server. */
export function isPostmasterOf(dataFolder: string, pid: number): boolean {
  try {
    const command =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        : execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
    return command.includes(dataFolder);
  } catch {
    return false;
  }
}
