/** One line of a bench's outcome. A `ratio` above 1 means that ours is better, whichever way the unit goes. */
export type BenchRow = {
  readonly name: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  readonly unit: string;
  readonly ratio: number;
  /** Peak resident memory of our side, MiB. */
  readonly rssMiB: number;
  /** User and system time of our side, in seconds, for one run. */
  readonly cpuSeconds: number;
  readonly samples: number;
};
