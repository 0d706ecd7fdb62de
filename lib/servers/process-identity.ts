import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { processStat } from './process-stat.ts';

/**
 * A text that no other process ever has, for as long as the process lives; undefined when there is none of that pid. A pid alone comes
 * back after a restart of the machine.
 */
export function processIdentity(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      const { isZombie, startTime } = processStat(pid);
      return isZombie ? undefined : `${pid} ${boot} ${startTime}`;
    }
    const started = execFileSync('ps', ['-p', String(pid), '-o', 'lstart='], { encoding: 'utf8' }).trim();
    return started === '' ? undefined : `${pid} ${started}`;
  } catch {
    return undefined;
  }
}

/** The pid of the process whose identity this text is; undefined when it has ended. */
export function livingProcess(identity: string): number | undefined {
  const pid = Number.parseInt(identity, 10);
  return processIdentity(pid) === identity ? pid : undefined;
}
