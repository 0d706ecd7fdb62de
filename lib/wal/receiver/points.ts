import type { Lsn } from '../../engines/postgres/replication/lsn.ts';
import type { WalSample } from '../../engines/postgres/replication/wal-sample.ts';

type Taken = { readonly lsn: Lsn; readonly at: Date | undefined; readonly takenAt: Date };

/** More samples than that are not kept: a store that is away for hours must not fill the memory. */
const mostWaiting = 600;
/** A server is asked every few seconds. */
const longestSilence = 60;

/**
 * Which time is restorable, of samples of where the server's WAL was at which time. A sample counts once everything before its position is
 * durable.
 */
export class RestorablePoints {
  #waiting: Taken[] = [];
  #point: Date | undefined;
  #newest: Taken | undefined;
  #heardAt: Date | undefined;

  /** Another stretch of log is watched from now on: no sample of before is of it. `point` is what is known to be durable of it. */
  begin(now: Date, point: Date | undefined): void {
    this.#waiting = [];
    this.#newest = undefined;
    this.#point = point;
    this.#heardAt = now;
  }

  add({ lsn, at }: WalSample, takenAt: Date): void {
    this.#newest = { lsn, at, takenAt };
    this.#heardAt = takenAt;
    // Of many at one position the first says since when it waits, and the last which time it is good for.
    const previous = this.#waiting.at(-1);
    if (previous !== undefined && previous.lsn >= lsn)
      this.#waiting[this.#waiting.length - 1] = { ...previous, at: at ?? previous.at };
    else this.#waiting.push({ lsn, at, takenAt });
    if (this.#waiting.length > mostWaiting) this.#waiting.splice(mostWaiting / 2, 1);
  }

  /** The newest time that is good for WAL that goes as far as `lsn`; undefined when no sample says. */
  pointAt(lsn: Lsn): Date | undefined {
    return this.#waiting.findLast((sample) => sample.lsn <= lsn && sample.at !== undefined)?.at ?? this.#point;
  }

  /** WAL is durable as far as `lsn`. */
  durable(lsn: Lsn): void {
    this.#point = this.pointAt(lsn);
    this.#waiting = this.#waiting.filter((sample) => sample.lsn > lsn);
  }

  /** What is restorable as far as samples tell. */
  get restorable(): Date | undefined {
    return this.#point;
  }

  /**
   * For how long the oldest WAL that is not durable has been known to be there, and how much lies between it and the newest. Of a server that says
   * nothing any more, nobody knows what there is: then for how long it has been silent.
   */
  lag(durable: Lsn, now: Date): { readonly bytes: number; readonly seconds: number } {
    const newest = this.#newest?.lsn ?? durable;
    const oldest = newest <= durable ? undefined : this.#waiting[0];
    const ageOf = (time: Date | undefined): number => (time ? Math.max(0, (now.getTime() - time.getTime()) / 1000) : 0);
    const silent = ageOf(this.#heardAt);
    return {
      bytes: oldest === undefined ? 0 : Number(newest - durable),
      seconds: Math.max(ageOf(oldest?.takenAt), silent > longestSilence ? silent : 0),
    };
  }
}
