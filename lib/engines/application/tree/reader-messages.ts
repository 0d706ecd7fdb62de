import type { MessagePort } from 'node:worker_threads';
import type { SinkName } from './open-sink.ts';
import type { Part, ReadJob } from './read-files.ts';

/**
 * What a reader thread begins with: what it reads for, two numbers that it shares with whoever began it, and where memory of parts that were taken
 * comes back to be used again.
 */
export type ReaderData = {
  readonly sink: SinkName;
  readonly shared: SharedArrayBuffer;
  readonly spares: MessagePort;
};
/** How many messages the thread may still send, and whether it is to stop. */
export const creditsAt = 0;
export const stopAt = 1;

export type ToReader = { readonly id: number; readonly job: ReadJob };
/** A part of a job; neither part nor error ends it. */
export type FromReader = { readonly id: number; readonly part?: Part; readonly error?: unknown };
