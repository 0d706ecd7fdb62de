import { readdirSync, readFileSync } from 'node:fs';
import type { Leaving } from './canaries.ts';

/**
 * Looks at every process that descends from this one: its arguments and its whole environment. Often in its first seconds, since a process changes its
 * program in them (between fork and exec it still has its parent's environment), and now and then later.
 */
export function watchProcesses({ everyMs = 15 } = {}): { readonly stop: () => readonly Leaving[] } {
  const seen = new Map<string, Leaving>();
  const known = new Map<number, Known>();
  const timer = setInterval(() => look(seen, known), everyMs);
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

type Known = { readonly isOurs: boolean; since: number; lookedAt: number; arguments: number };

const youngMs = 2_000;
const betweenLooksMs = 500;

function look(seen: Map<string, Leaving>, known: Map<number, Known>): void {
  const now = performance.now();
  const pids = allPids();
  for (const pid of pids) {
    const process = knownOf(pid, known, now);
    if (!process.isOurs) continue;
    const command = read(pid, 'cmdline');
    if (command === undefined) continue;
    // It has become another program.
    if (command.length !== process.arguments) process.since = now;
    process.arguments = command.length;
    if (now - process.since > youngMs && now - process.lookedAt < betweenLooksMs) continue;
    process.lookedAt = now;
    note(pid, command, seen);
  }
  const alive = new Set(pids);
  for (const pid of known.keys()) if (!alive.has(pid)) known.delete(pid);
}

/** A process is ours by its parents; one whose parent had ended before it was seen belongs to init. */
function knownOf(pid: number, known: Map<number, Known>, now: number): Known {
  const found = known.get(pid);
  if (found !== undefined) return found;
  const parent = parentOf(pid);
  const isOurs = parent === process.pid || (parent > 1 && knownOf(parent, known, now).isOurs);
  const entry: Known = { isOurs, since: now, lookedAt: Number.NEGATIVE_INFINITY, arguments: 0 };
  known.set(pid, entry);
  return entry;
}

function note(pid: number, command: Buffer, seen: Map<string, Leaving>): void {
  const environment = read(pid, 'environ');
  if (environment === undefined || environment.length === 0) return;
  const what = command.toString().split('\0').slice(0, 3).join(' ');
  // The same program again tells nothing new, another environment or other arguments do.
  const identity = `${pid} ${command.length} ${environment.length}`;
  if (seen.has(identity)) return;
  seen.set(identity, {
    where: `process '${what}'`,
    content: Buffer.concat([command, Buffer.from('\n'), environment]),
  });
}

function allParents(): Map<number, number> {
  return new Map(allPids().map((pid) => [pid, parentOf(pid)]));
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
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
