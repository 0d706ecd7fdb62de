import { readdirSync, readFileSync } from 'node:fs';
import type { Leaving } from './canaries.ts';

/**
 * Looks at every process that descends from this one, once when it appears and once more a moment later (between fork and exec it still
 * has its parent's environment): its arguments and its whole environment.
 */
export function watchProcesses({ everyMs = 15 } = {}): { readonly stop: () => readonly Leaving[] } {
  const seen = new Map<string, Leaving>();
  const timer = setInterval(() => look(seen), everyMs);
  return {
    stop: () => {
      clearInterval(timer);
      return [...seen.values()];
    },
  };
}

/** The process that descends from this one and whose arguments, joined by spaces, match. */
export function findProcess(pattern: RegExp): number | undefined {
  const parents = allParents();
  return [...parents.keys()].find(
    (pid) => descends(pid, parents) && pattern.test(read(pid, 'cmdline')?.toString().replaceAll('\0', ' ') ?? ''),
  );
}

function look(seen: Map<string, Leaving>): void {
  const parents = allParents();
  for (const pid of parents.keys()) {
    if (!descends(pid, parents)) continue;
    const command = read(pid, 'cmdline');
    const environment = read(pid, 'environ');
    if (command === undefined || environment === undefined || environment.length === 0) continue;
    const what = command.toString().split('\0').slice(0, 3).join(' ');
    // The same program again tells nothing new, another environment or other arguments do.
    const identity = `${pid} ${command.length} ${environment.length}`;
    if (seen.has(identity)) continue;
    seen.set(identity, {
      where: `process '${what}'`,
      content: Buffer.concat([command, Buffer.from('\n'), environment]),
    });
  }
}

function allParents(): Map<number, number> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return new Map(pids.map((pid) => [Number(pid), parentOf(Number(pid))]));
}

function descends(pid: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at = parents.get(pid); at !== undefined && at > 0; at = parents.get(at)) if (at === process.pid) return true;
  return false;
}

function parentOf(pid: number): number {
  // The name of the program is in brackets and may hold anything.
  const fields = read(pid, 'stat')?.toString().split(') ').at(-1)?.split(' ') ?? [];
  return Number(fields[1] ?? 0);
}

function read(pid: number, file: string): Buffer | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`);
  } catch {
    return undefined;
  }
}
