import { availableParallelism } from 'node:os';

/** So often the question is worth an answer; and the processors are busy when so much of their time is used. */
const intervalMs = 50;
const busyShare = 0.8;

/**
 * Says whether another thread would help somebody who waits: where the processors have nothing to do, the file system is what takes its time, and
 * can do more at once. Elsewhere it would only be in the way of the others.
 */
export class IdleProcessors {
  #at = performance.now();
  #usage = process.cpuUsage();

  /** Have they been idle since the last answer? False where that was a moment ago. */
  wereIdle(): boolean {
    const elapsedMs = performance.now() - this.#at;
    if (elapsedMs < intervalMs) return false;
    const { user, system } = process.cpuUsage(this.#usage);
    this.#at = performance.now();
    this.#usage = process.cpuUsage();
    return (user + system) / 1000 < elapsedMs * availableParallelism() * busyShare;
  }
}
