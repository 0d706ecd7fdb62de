import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openLibc } from '../native/libc.ts';
import { sinkOf } from './open-sink.ts';
import { FileReader } from './read-files.ts';
import { creditsAt, type FromReader, type ReaderData, stopAt, type ToReader } from './reader-messages.ts';

// A thread that reads files, and does nothing else: it waits for each one, so that nobody else has to.

const { sink, shared, spares } = workerData as ReaderData;
const counters = new Int32Array(shared);
const spare = (): ArrayBuffer | undefined => receiveMessageOnPort(spares)?.message as ArrayBuffer | undefined;
const reader = new FileReader(sinkOf(sink), openLibc(), spare);
const isStopped = (): boolean => Atomics.load(counters, stopAt) !== 0;

/** Thrown to leave a job that nobody wants any more. */
class Stopped extends Error {}

const tell = (message: FromReader): void => {
  // So much is read ahead of whoever takes it, and no more.
  while (Atomics.load(counters, creditsAt) <= 0 && !isStopped()) Atomics.wait(counters, creditsAt, 0);
  if (isStopped()) throw new Stopped();
  Atomics.sub(counters, creditsAt, 1);
  const bytes = message.part?.bytes;
  parentPort?.postMessage(message, bytes === undefined ? [] : [bytes.buffer]);
};

const read = ({ id, job }: ToReader): void => {
  try {
    for (const part of reader.read(job)) tell({ id, part });
    tell({ id });
  } catch (error) {
    if (!isStopped()) tell({ id, error });
  }
};

parentPort?.on('message', (message: ToReader | 'end') => {
  if (message === 'end') {
    parentPort?.close();
    spares.close();
  } else if (!isStopped()) read(message);
});
