/** How the WAL of one target is received. */
export type ReceiverSettings = {
  /** The physical replication slot by which the server keeps WAL for the receiver; made when it is not there. */
  readonly slot: string;
  /** What is there of a segment that is not full is stored after so long. */
  readonly flushSeconds: number;
};

/** So many bytes of whole segments may be on their way into the store; one segment may, whatever its size. */
const bytesOnTheWay = 64 * 1024 * 1024;

/** How many segments are uploaded side by side: what is received meanwhile waits in the server. */
export const segmentsOnTheWay = (segmentBytes: number): number => Math.max(1, Math.floor(bytesOnTheWay / segmentBytes));
