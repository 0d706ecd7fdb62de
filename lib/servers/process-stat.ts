import { readFileSync } from 'node:fs';

/** What Linux says of a process in `/proc/<pid>/stat` (proc_pid_stat(5)), as far as it is wanted here. */
export type ProcessStat = { readonly isZombie: boolean; readonly group: number; readonly startTime: string };

/** Throws when there is no such process, as anywhere but on Linux. */
export function processStat(pid: number | string): ProcessStat {
  // The program's name, in parentheses, may hold anything; the state is the first field after it.
  const [state, , group, ...rest] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return { isZombie: state === 'Z', group: Number(group), startTime: rest[16] ?? '' };
}
