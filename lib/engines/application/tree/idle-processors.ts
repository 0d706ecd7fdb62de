import { availableParallelism, cpus } from 'node:os';

/** So often the question is worth an answer; and the processors are busy when so much of their time is used. */
const intervalMs = 50;
const busyShare = 0.8;

/**
 * Says whether another thread would help somebody who waits: where the processors have nothing to do, the file system is what takes its time, and
 * can do more at once. Elsewhere it would only be in the way of the others, be they this process's or somebody else's.
 */
export class IdleProcessors {
  #at = performance.now();
  #usage = process.cpuUsage();
  #machine = machineBusy();

  /** Have they been idle since the last answer? False where that was a moment ago. */
  wereIdle(): boolean {
    const elapsedMs = performance.now() - this.#at;
    if (elapsedMs < intervalMs) return false;
    const { user, system } = process.cpuUsage(this.#usage);
    const before = this.#machine;
    this.#at = performance.now();
    this.#usage = process.cpuUsage();
    this.#machine = machineBusy();
    const { processors } = this.#machine;
    return (
      // A container may have a part of the machine's processors alone.
      (user + system) / 1000 < elapsedMs * availableParallelism() * busyShare &&
      // Where the machine does not say what its processors do, only this process's own work counts.
      (processors === 0 || this.#machine.busyMs - before.busyMs < elapsedMs * processors * busyShare)
    );
  }
}

/** How long the machine's processors have worked since it began, for whomever. Waiting for a disk is no work, and in no time that is told here. */
function machineBusy(): { readonly processors: number; readonly busyMs: number } {
  const processors = cpus();
  return {
    processors: processors.length,
    busyMs: processors.reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0),
  };
}
