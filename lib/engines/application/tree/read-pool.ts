import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { IdleProcessors } from './idle-processors.ts';
import type { SinkName } from './open-sink.ts';
import type { Part, ReadJob } from './read-files.ts';
import { creditsAt, type FromReader, type ReaderData, stopAt, type ToReader } from './reader-messages.ts';
import { waitForEnd } from './thread-end.ts';

/** Messages of a thread that wait to be taken, at most; each holds a mebibyte or a little more. */
const readAhead = 3;

/** As a program's own file beside it, or in the sources. */
const program = new URL(import.meta.url.endsWith('.ts') ? './read-worker.ts' : './read-worker.mjs', import.meta.url);

type Reader = {
  readonly worker: Worker;
  readonly counters: Int32Array;
  readonly spares: MessagePort;
  readonly ended: Promise<unknown>;
  jobs: number;
};
type Running = { readonly queue: FromReader[]; wake: () => void; readonly reader: Reader };

/**
 * Threads that read files. The parts of a job come in order; jobs are under way side by side, a thread's own one after another. There is one thread at
 * first, and another whenever whoever takes has to wait while the processors have nothing to do: then the file system is what takes its time.
 */
export class ReadPool {
  readonly #sink: SinkName;
  readonly #most: number;
  readonly #readers: Reader[] = [];
  readonly #running = new Map<number, Running>();
  readonly #processors = new IdleProcessors();
  #failure: { readonly error: unknown } | undefined;
  #next = 0;
  #isEnded = false;

  constructor(sink: SinkName, readers: number) {
    this.#sink = sink;
    this.#most = readers;
    this.#add();
  }

  /** How many jobs keep every thread busy while one is being taken. */
  get width(): number {
    return this.#readers.length * 2;
  }

  /**
   * Begins a job; its parts are to be taken in the order in which jobs were begun. The bytes of a part are good until the next one is asked for:
   * their memory is used again.
   */
  begin(job: ReadJob): AsyncGenerator<Part, void> {
    const id = this.#next++;
    const reader = this.#readers.reduce((one, other) => (other.jobs < one.jobs ? other : one));
    reader.jobs += 1;
    const running: Running = { queue: [], wake: () => {}, reader };
    this.#running.set(id, running);
    reader.worker.postMessage({ id, job } satisfies ToReader);
    return this.#partsOf(id, running);
  }

  /**
   * Lets the threads end by themselves: one that is ended from outside while it is in compiled code may take the process with it. One that
   * waits for a file system which does not answer is not waited for.
   */
  async end(): Promise<void> {
    this.#isEnded = true;
    for (const { worker, counters, spares } of this.#readers) {
      Atomics.store(counters, stopAt, 1);
      // Whoever waits for a credit wakes up and sees that he is to stop.
      Atomics.add(counters, creditsAt, 1);
      Atomics.notify(counters, creditsAt);
      worker.postMessage('end');
      spares.close();
    }
    await waitForEnd(this.#readers.map(({ ended }) => ended));
    for (const { worker } of this.#readers) worker.unref();
  }

  async *#partsOf(id: number, running: Running): AsyncGenerator<Part, void> {
    const { reader } = running;
    for (;;) {
      const message = running.queue.shift();
      if (message === undefined) {
        if (this.#failure !== undefined) throw this.#failure.error;
        if (this.#readers.length < this.#most && this.#processors.wereIdle()) this.#add();
        await new Promise<void>((resolve) => {
          running.wake = resolve;
        });
        continue;
      }
      const { part, error } = message;
      if (part !== undefined) yield part;
      if (part?.bytes !== undefined && !part.bytes.buffer.detached)
        reader.spares.postMessage(part.bytes.buffer, [part.bytes.buffer]);
      Atomics.add(reader.counters, creditsAt, 1);
      Atomics.notify(reader.counters, creditsAt);
      if (error !== undefined) throw error;
      if (part === undefined) {
        this.#running.delete(id);
        reader.jobs -= 1;
        return;
      }
    }
  }

  #add(): void {
    const shared = new SharedArrayBuffer(8);
    const counters = new Int32Array(shared);
    counters[creditsAt] = readAhead;
    const { port1: spares, port2 } = new MessageChannel();
    const workerData: ReaderData = { sink: this.#sink, shared, spares: port2 };
    const worker = new Worker(program, { workerData, transferList: [port2] });
    worker.on('message', (message: FromReader) => {
      const job = this.#running.get(message.id);
      job?.queue.push(message);
      job?.wake();
    });
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', () => this.#fail(new Error('a thread that reads files has ended')));
    this.#readers.push({
      worker,
      counters,
      spares,
      ended: new Promise((resolve) => worker.once('exit', resolve)),
      jobs: 0,
    });
  }

  #fail(error: unknown): void {
    if (this.#isEnded) return;
    this.#failure ??= { error };
    for (const { wake } of this.#running.values()) wake();
  }
}
