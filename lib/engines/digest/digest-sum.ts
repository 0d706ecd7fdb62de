import { addLanes, type Lanes, lanesText, noLanes } from './lanes.ts';

/** Records (rows, elements) counted and summed, in any order: how many, their bytes, and both sums; see docs/formats.md. */
export type DigestSum = {
  readonly rows: number;
  readonly bytes: number;
  readonly lanes: Lanes;
};

export const emptySum: DigestSum = { rows: 0, bytes: 0, lanes: noLanes };

/** The sum of both, as if all records had been taken in by one. */
export function addSums(one: DigestSum, other: DigestSum): DigestSum {
  return {
    rows: one.rows + other.rows,
    bytes: one.bytes + other.bytes,
    lanes: addLanes(one.lanes, other.lanes),
  };
}

/** The digest as it stands in manifests. */
export const digestText = ({ lanes }: Pick<DigestSum, 'lanes'>): string => lanesText(lanes);
