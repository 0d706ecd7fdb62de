import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChildServer } from './child-server.ts';

/** What a data folder's postmaster.pid says of the server that runs on it, or ran when it was killed. */
export type Postmaster = {
  readonly pid: number;
  readonly port: number;
  readonly socketFolder: string;
  /** Whether it listens on TCP too. */
  readonly listens: boolean;
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
      listens: (lines[5] ?? '') !== '',
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

/** Starts a server whose predecessor on the same folder may have been killed: its last processes need a moment to notice. */
export async function startPostmaster(server: ChildServer): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await server.start();
    } catch (error) {
      const isLeaving =
        error instanceof Error && /pre-existing shared memory block|is another postmaster/.test(error.message);
      if (!isLeaving || attempt >= 50) throw error;
      await delay(100);
    }
  }
}
