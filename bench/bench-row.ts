/** One line of a bench's outcome. A `ratio` above 1 means that ours is better, whichever way the unit goes. */
export type BenchRow = {
  readonly name: string;
  /** Medians of the samples, in `unit`. */
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  readonly unit: 's' | 'ms' | 'MiB/s' | 'MiB';
  /** The median of the samples' own ratios: both sides of a sample ran one after the other, under the same load. */
  readonly ratio: number;
  /** Peak resident memory of our process, MiB. */
  readonly rssMiB: number;
  /** User and system time of our side and of all programs that it started, median, in seconds. */
  readonly cpuSeconds: number;
  /** Every measured pair, in the order of the rounds. */
  readonly samples: readonly { readonly ours: Sample; readonly peer: Sample }[];
};

/** The raw figures of one run. What a side cannot know is left out. */
export type Sample = {
  readonly seconds: number;
  /** Of the side's own programs. */
  readonly cpuSeconds: number;
  readonly bytes?: number;
  readonly rssMiB?: number;
  /** User and system time that the database server took meanwhile. */
  readonly serverCpuSeconds?: number;
  /** User and system time that everything on this machine took meanwhile, the side and the servers included. */
  readonly machineCpuSeconds?: number;
  /** The machine's load average over the last minute, when the run began. */
  readonly loadBefore?: number;
};

/** The row of samples that were taken in pairs; `figureOf` gives what is compared. */
export function rowOf(options: {
  readonly name: string;
  readonly peerName: string;
  readonly unit: BenchRow['unit'];
  readonly samples: BenchRow['samples'];
  readonly figureOf: (sample: Sample) => number;
}): BenchRow {
  const { name, peerName, unit, samples, figureOf } = options;
  const ours = samples.map((sample) => figureOf(sample.ours));
  const peer = samples.map((sample) => figureOf(sample.peer));
  const isLessBetter = unit !== 'MiB/s';
  return {
    name,
    ours: median(ours),
    peer: median(peer),
    peerName,
    unit,
    ratio: median(samples.map((sample) => (figureOf(sample.ours) / figureOf(sample.peer)) ** (isLessBetter ? -1 : 1))),
    rssMiB: Math.max(...samples.map((sample) => sample.ours.rssMiB ?? Number.NaN)),
    cpuSeconds: median(samples.map((sample) => sample.ours.cpuSeconds)),
    samples,
  };
}

/** The middle one of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
