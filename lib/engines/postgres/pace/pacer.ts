import { setTimeout as delay } from 'node:timers/promises';
import { PaceController } from './pace-controller.ts';

/** Pauses are of this length at least; what is owed below that is carried on. */
const shortestPauseSeconds = 0.02;
const longestPauseSeconds = 0.5;

/** One dump's turns, and for how long it has rested between them. */
export type Turns = { next(bytes: number): Promise<void>; restedSeconds(): number };

/** What keeps all dumps of one backup together within what they may take from the server's other users. */
export type Pacer = {
  /** How many transactions the server has ended. */
  observe(transactions: number): void;
  /** One dump's turns: to be waited for after each chunk that it has read, with its length. Rejects when `signal` aborts. */
  newTurns(signal: AbortSignal): Turns;
};

/** `maxImpactPercent` 100 sets no limit. */
export function newPacer(maxImpactPercent: number): Pacer {
  const now = (): number => performance.now() / 1000;
  const controller = new PaceController(maxImpactPercent / 100, now());
  if (maxImpactPercent >= 100)
    return { observe: () => {}, newTurns: () => ({ next: async () => {}, restedSeconds: () => 0 }) };
  return {
    observe: (transactions) => controller.observe(now(), transactions),
    newTurns(signal) {
      let worksSince = now();
      let owedSeconds = 0;
      let restedSeconds = 0;
      const unhindered = { bytes: 0, seconds: 0 };
      /**
       * After a pause the next bytes lie ready, in the socket and in the server, whose work they were meanwhile: what they took is told by how long
       * as many take where there are no pauses.
       */
      const workFor = (bytes: number, seconds: number): number =>
        Math.max(seconds, unhindered.bytes === 0 ? 0 : (bytes * unhindered.seconds) / unhindered.bytes);
      return {
        restedSeconds: () => restedSeconds,
        async next(bytes) {
          const workedSeconds = Math.max(0, now() - worksSince);
          const restsSince = now();
          for (;;) {
            const share = controller.share(now());
            if (share === 1) {
              unhindered.bytes += bytes;
              unhindered.seconds += workedSeconds;
              break;
            }
            if (share > 0) {
              owedSeconds += workFor(bytes, workedSeconds) * (1 / share - 1);
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
