import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Of a task and all that it starts. */
const taskNiceness = 10;

/**
 * Lets everything else on this machine go first. In a container of its own that changes nothing; where the database server is on the same
 * machine, it has the processors when it wants them. Linux keeps a priority for each thread, so those that run already are told one by one.
 */
export function giveWay(): void {
  for (const thread of threads()) {
    try {
      setPriority(thread, taskNiceness);
    } catch {
      // It has ended already, or the platform does not let us; it works all the same.
    }
  }
}

/** 0 is this process itself, where threads are not told apart. */
function threads(): readonly number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [0];
  }
}
