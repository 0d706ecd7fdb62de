import { setTimeout as delay } from 'node:timers/promises';
import { PaceController } from './pace-controller.ts';

/** Pauses are of this length at least; what is owed below that is carried on. */
const shortestPauseSeconds = 0.02;
const longestPauseSeconds = 0.5;

/** So much has to have been read without pauses before it is told by that how long reading takes. */
const leastUnhindered = 8 * 1024 * 1024;

/** One dump's turns, and for how long it has rested between them. */
export type Turns = {
  /** A stream begins: what it took to come to its first byte is not the reading's. */
  begin(): void;
  /** To be waited for after each chunk that was read, with its length. Rejects when the signal aborts. */
  next(bytes: number): Promise<void>;
  restedSeconds(): number;
};

/** What keeps all dumps of one backup together within what they may take from the server's other users. */
export type Pacer = {
  /** How many transactions the server has ended. */
  observe(transactions: number): void;
  /** One dump's turns, which end with `signal`. */
  newTurns(signal: AbortSignal): Turns;
};

/** `maxImpactPercent` 100 sets no limit. */
export function newPacer(maxImpactPercent: number): Pacer {
  if (maxImpactPercent >= 100)
    return { observe() {}, newTurns: () => ({ begin() {}, next: async () => {}, restedSeconds: () => 0 }) };
  const controller = new PaceController(maxImpactPercent / 100, now());
  const speed = new UnhinderedSpeed();
  let hasBegun = false;
  return {
    observe(transactions) {
      // Before anything is read there is nothing to be found out, and nobody to be disturbed.
      if (hasBegun) controller.observe(now(), transactions);
    },
    newTurns(signal) {
      let worksSince: number | undefined;
      let owedSeconds = 0;
      let restedSeconds = 0;
      return {
        restedSeconds: () => restedSeconds,
        begin() {
          worksSince = undefined;
        },
        async next(bytes) {
          hasBegun = true;
          const restsSince = now();
          const workedSeconds = worksSince === undefined ? undefined : restsSince - worksSince;
          for (;;) {
            const share = controller.share(now());
            if (share > 0) {
              if (workedSeconds !== undefined && share === 1) speed.add(bytes, workedSeconds);
              if (workedSeconds !== undefined) owedSeconds += speed.secondsFor(bytes, workedSeconds) * (1 / share - 1);
              break;
            }
            await delay(shortestPauseSeconds * 1000, undefined, { signal });
          }
          if (owedSeconds >= shortestPauseSeconds) {
            await delay(Math.min(owedSeconds, longestPauseSeconds) * 1000, undefined, { signal });
            owedSeconds = 0;
          }
          worksSince = now();
          restedSeconds += worksSince - restsSince;
        },
      };
    },
  };
}

const now = (): number => performance.now() / 1000;

/**
 * How fast is read where there are no pauses. After one the next megabytes lie ready, in the socket and in the server, whose work they were
 * meanwhile; what they took is told by this.
 */
class UnhinderedSpeed {
  #bytes = 0;
  #seconds = 0;

  add(bytes: number, seconds: number): void {
    this.#bytes += bytes;
    this.#seconds += seconds;
  }

  /** Of what came in so many seconds after a pause. */
  secondsFor(bytes: number, seconds: number): number {
    return this.#bytes < leastUnhindered ? seconds : Math.max(seconds, (bytes * this.#seconds) / this.#bytes);
  }
}
