/** Counters of a server arrive up to a second after the fact: what is seen so soon after a change belongs to what was before it. */
const settleSeconds = 1.2;
/** A rate is told from so long a look at least; the very first one, before which the dump works at full speed, from a shorter. */
const lookSeconds = 1.9;
const firstLookSeconds = 0.9;
const restSeconds = 4;
const shortestWorkSeconds = 6;
const longestWorkSeconds = 60;

/** On a server that does less there is nobody to disturb, and too little to measure by. */
const busyPerSecond = 20;

/** The first stretch beside others is careful, and from one to the next it becomes at most so much bolder. */
const firstShare = 0.15;
const mostGrowth = 2;
const leastShare = 0.05;

/** Aimed at below what is allowed, because what is measured is not exact. */
const margin = 0.6;

type Seen = { readonly at: number; readonly transactions: number };
type Phase = { readonly kind: 'free' | 'rest' | 'work'; readonly since: number; first?: Seen; last?: Seen };

/**
 * Finds out what share of the time a dump may work so that those who use the server lose at most `maxLoss` of their transactions: it lets the
 * dump work for a while and rest for a while, and holds against each other what the server did for others meanwhile ("perturb and observe").
 * That needs no knowledge of the machine: on one with idle processors nothing is lost, and the dump works all the time but for the rests.
 *
 * A server that does next to nothing for others is left out of all this. Times are seconds of a clock that never goes back.
 */
export class PaceController {
  readonly #maxLoss: number;
  #phase: Phase;
  #hasLooked = false;
  #share = firstShare;
  #workSeconds = shortestWorkSeconds;
  #restRate: number | undefined;
  #workRate: number | undefined;

  constructor(maxLoss: number, now: number) {
    this.#maxLoss = maxLoss;
    this.#phase = { kind: 'free', since: now };
  }

  /** From 0, do not work now, to 1. When nothing is observed any more, a rest is not endless. */
  share(now: number): number {
    const { kind, since } = this.#phase;
    if (kind === 'work') return this.#share;
    return kind === 'rest' && now - since < 3 * restSeconds ? 0 : 1;
  }

  /** How many transactions the server has ended so far, as its counters say now; to be told about once a second. */
  observe(now: number, transactions: number): void {
    const phase = this.#phase;
    const seconds = now - phase.since;
    if (seconds >= settleSeconds || !this.#hasLooked) phase.first ??= { at: now, transactions };
    phase.last = { at: now, transactions };
    const rate = rateOf(phase, this.#hasLooked ? lookSeconds : firstLookSeconds);
    if (rate === undefined) return;
    this.#hasLooked = true;
    if (phase.kind === 'free') this.#begin(rate > busyPerSecond ? 'rest' : 'free', now);
    else if (phase.kind === 'work' && seconds >= this.#workSeconds) {
      this.#workRate = rate;
      this.#begin('rest', now);
    } else if (phase.kind === 'rest' && seconds >= restSeconds) this.#rested(rate, now);
  }

  #rested(rate: number, now: number): void {
    if (this.#restRate !== undefined && this.#workRate !== undefined)
      this.#adjust(1 - this.#workRate / ((this.#restRate + rate) / 2));
    this.#restRate = rate;
    this.#workRate = undefined;
    this.#begin(rate > busyPerSecond ? 'work' : 'free', now);
  }

  #adjust(loss: number): void {
    const aim = this.#maxLoss * margin;
    const factor = Math.min(mostGrowth, aim / Math.max(loss, aim / mostGrowth));
    this.#share = Math.min(1, Math.max(leastShare, this.#share * factor));
    // What was found holds for longer the closer it was to what was aimed at.
    this.#workSeconds = factor < 0.8 ? shortestWorkSeconds : Math.min(longestWorkSeconds, this.#workSeconds * 1.5);
  }

  #begin(kind: Phase['kind'], now: number): void {
    if (kind === 'free') this.#restRate = undefined;
    this.#phase = { kind, since: now };
  }
}

/** Transactions a second; undefined before so long a look. */
function rateOf({ first, last }: Phase, leastSeconds: number): number | undefined {
  if (first === undefined || last === undefined || last.at - first.at < leastSeconds) return undefined;
  return (last.transactions - first.transactions) / (last.at - first.at);
}
