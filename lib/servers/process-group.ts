import { readdirSync } from 'node:fs';
import { hasCode } from '../core/has-code.ts';
import { processStat } from './process-stat.ts';

/**
 * Whether a process of the group runs. One that has ended and that nobody takes note of, as in a container without an init, does not. What cannot
 * be found out, as when there are no file descriptors left, is taken for running: it may be asked again.
 */
export function isGroupAlive(leader: number): boolean {
  try {
    process.kill(-leader, 0);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isAliveIn(leader, name));
  } catch {
    return true;
  }
}

function isAliveIn(leader: number, pid: string): boolean {
  try {
    const { isZombie, group } = processStat(pid);
    return group === leader && !isZombie;
  } catch (error) {
    // It has ended since the folder was read.
    return !hasCode(error, 'ENOENT') && !hasCode(error, 'ESRCH');
  }
}
