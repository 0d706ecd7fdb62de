/** When the keys of a collection, or fields of theirs, run out: the first and the last of all, and how many keys begin to from when on. */
export type Expiries = {
  readonly first: number;
  readonly last: number;
  /** Left out by backups of before, which do not tell. */
  readonly due?: [from: number, keys: number][] | undefined;
};

/** So many stretches of time are told apart. */
const mostStretches = 64;

/** Counts the keys of a collection by when the first thing of theirs runs out, in stretches of time that grow as they have to. */
export class ExpiryHistogram {
  #first = Infinity;
  #last = 0;
  #width = 1;
  #stretches = new Map<number, number>();

  /** A key of which something runs out at `first`, and the last at `last`. */
  add(first: number, last: number): void {
    if (first < this.#first) this.#first = first;
    if (last > this.#last) this.#last = last;
    this.#count(Math.floor(first / this.#width), 1);
    while (this.#stretches.size > mostStretches) this.#widen();
  }

  expiries(): Required<Expiries> {
    const due = [...this.#stretches].map(([stretch, keys]) => [stretch * this.#width, keys] as [number, number]);
    return { first: this.#first, last: this.#last, due: due.sort(([one], [other]) => one - other) };
  }

  #count(stretch: number, keys: number): void {
    this.#stretches.set(stretch, (this.#stretches.get(stretch) ?? 0) + keys);
  }

  #widen(): void {
    const narrow = this.#stretches;
    this.#stretches = new Map();
    this.#width *= 2;
    for (const [stretch, keys] of narrow) this.#count(Math.floor(stretch / 2), keys);
  }
}

/** A server's clock may be ahead by so much. */
const clockSkewMs = 5000;

/** Of how many keys something may have run out by then, at most. */
export function keysDue({ first, due }: Expiries, now: number): number {
  const moment = now + clockSkewMs;
  if (first > moment) return 0;
  return due === undefined ? Infinity : due.reduce((sum, [from, keys]) => (from <= moment ? sum + keys : sum), 0);
}
