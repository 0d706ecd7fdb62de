import { readFileSync } from 'node:fs';

/** What Linux says of a process in `/proc/<pid>/stat` (proc_pid_stat(5)), as far as it is wanted here. */
export type ProcessStat = {
  /** It has ended, every thread of it, and nobody has taken note yet. While others of its threads go on, files and ports are its own still. */
  readonly isZombie: boolean;
  readonly group: number;
  readonly startTime: string;
};

/** Throws when there is no such process, as anywhere but on Linux. */
export function processStat(pid: number | string): ProcessStat {
  // The program's name, in parentheses, may hold anything; the state is the first field after it, and the third of all.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const field = (number: number): string => fields[number - 3] ?? '';
  const threads = Number(field(20));
  return { isZombie: field(3) === 'Z' && threads <= 1, group: Number(field(5)), startTime: field(22) };
}
