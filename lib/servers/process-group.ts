import { readdirSync } from 'node:fs';
import { hasCode } from '../core/has-code.ts';
import { processStat } from './process-stat.ts';

/** Whether a process of the group runs. One that has ended and that nobody takes note of, as in a container without an init, does not. */
export function isGroupAlive(leader: number): boolean {
  try {
    process.kill(-leader, 0);
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isAliveIn(leader, name));
}

function isAliveIn(leader: number, pid: string): boolean {
  try {
    const { isZombie, group } = processStat(pid);
    return group === leader && !isZombie;
  } catch {
    // It has ended meanwhile.
    return false;
  }
}
