import { parentPort, workerData } from 'node:worker_threads';
import { openLibc } from '../native/libc.ts';
import { sinkOf } from './open-sink.ts';
import { FileReader } from './read-files.ts';
import type { FromReader, ReaderData, ToReader } from './read-pool.ts';

// A thread that reads files, and does nothing else: it waits for each one, so that nobody else has to.

const { sink, credits } = workerData as ReaderData;
const left = new Int32Array(credits);
const reader = new FileReader(sinkOf(sink), openLibc());

const tell = (message: FromReader, transfer: readonly ArrayBuffer[] = []): void => {
  // So much is read ahead of whoever takes it, and no more.
  while (Atomics.load(left, 0) <= 0) Atomics.wait(left, 0, 0);
  Atomics.sub(left, 0, 1);
  parentPort?.postMessage(message, transfer);
};

parentPort?.on('message', ({ id, job }: ToReader) => {
  try {
    for (const part of reader.read(job)) tell({ id, part }, part.bytes === undefined ? [] : [part.bytes]);
    tell({ id });
  } catch (error) {
    tell({ id, error });
  }
});
