import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import { benchRounds } from './scale.ts';

export type Contender = { readonly name: string; readonly measure: () => Promise<Sample> };

/** Runs each contender once a round, every second round in reverse. The samples of each, by its name, in the order of the rounds. */
export async function measureAll(contenders: readonly Contender[]): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < benchRounds; round++) {
    for (const { name, measure } of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const sample = await measure();
      samples.get(name)?.push(sample);
      console.error(`${name}: ${sample.seconds.toFixed(1)} s, ${JSON.stringify(sample)}`);
    }
  }
  return samples;
}

/** The row of one contender against another, by the seconds that they took. */
export function rowBetween(all: ReadonlyMap<string, readonly Sample[]>, name: string, peerName: string): BenchRow {
  const peers = all.get(peerName) ?? [];
  const samples = (all.get(name) ?? []).flatMap((ours, round) => {
    const peer = peers[round];
    return peer === undefined ? [] : [{ ours, peer }];
  });
  return rowOf({ name, peerName, unit: 's', samples, figureOf: ({ seconds }) => seconds });
}
