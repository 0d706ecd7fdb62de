import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { SinkName } from './open-sink.ts';
import type { Part, ReadJob } from './read-files.ts';
import { creditsAt, type FromReader, type ReaderData, stopAt, type ToReader } from './reader-messages.ts';

/** Messages of a thread that wait to be taken, at most; each holds a mebibyte or a little more. */
const readAhead = 3;

/** So long a thread has to end. */
const patienceMs = 5000;

/** As a program's own file beside it, or in the sources. */
const program = new URL(import.meta.url.endsWith('.ts') ? './read-worker.ts' : './read-worker.mjs', import.meta.url);

type Reader = { readonly worker: Worker; readonly counters: Int32Array; readonly ended: Promise<unknown> };
type Running = { readonly queue: FromReader[]; wake: () => void; readonly counters: Int32Array };

/** Threads that read files. The parts of a job come in order; jobs are under way side by side, a thread's own one after another. */
export class ReadPool {
  readonly #workers: Reader[] = [];
  readonly #running = new Map<number, Running>();
  #failure: { readonly error: unknown } | undefined;
  #next = 0;
  #isEnded = false;

  constructor(sink: SinkName, readers: number) {
    for (let index = 0; index < readers; index++) {
      const shared = new SharedArrayBuffer(8);
      const counters = new Int32Array(shared);
      counters[creditsAt] = readAhead;
      const worker = new Worker(program, { workerData: { sink, shared } satisfies ReaderData });
      worker.on('message', (message: FromReader) => {
        const job = this.#running.get(message.id);
        job?.queue.push(message);
        job?.wake();
      });
      worker.on('error', (error) => this.#fail(error));
      worker.on('exit', () => this.#fail(new Error('a thread that reads files has ended')));
      this.#workers.push({ worker, counters, ended: new Promise((resolve) => worker.once('exit', resolve)) });
    }
  }

  /** How many jobs keep every thread busy while one is being taken. */
  get width(): number {
    return this.#workers.length * 2;
  }

  /** Begins a job; its parts are to be taken in the order in which jobs were begun. */
  begin(job: ReadJob): AsyncGenerator<Part, void> {
    const id = this.#next++;
    const { worker, counters } = this.#workers[id % this.#workers.length] as Reader;
    const running: Running = { queue: [], wake: () => {}, counters };
    this.#running.set(id, running);
    worker.postMessage({ id, job } satisfies ToReader);
    return this.#partsOf(id, running);
  }

  /**
   * Lets the threads end by themselves: one that is ended from outside while it is in compiled code may take the process with it. One that
   * waits for a file system which does not answer is not waited for.
   */
  async end(): Promise<void> {
    this.#isEnded = true;
    for (const { worker, counters } of this.#workers) {
      Atomics.store(counters, stopAt, 1);
      // Whoever waits for a credit wakes up and sees that he is to stop.
      Atomics.add(counters, creditsAt, 1);
      Atomics.notify(counters, creditsAt);
      worker.postMessage('end');
    }
    const patience = new AbortController();
    await Promise.race([
      Promise.all(this.#workers.map(({ ended }) => ended)),
      setTimeout(patienceMs, undefined, { signal: patience.signal, ref: false }).catch(() => {}),
    ]);
    patience.abort();
    for (const { worker } of this.#workers) worker.unref();
  }

  async *#partsOf(id: number, running: Running): AsyncGenerator<Part, void> {
    for (;;) {
      const message = running.queue.shift();
      if (message === undefined) {
        if (this.#failure !== undefined) throw this.#failure.error;
        await new Promise<void>((resolve) => {
          running.wake = resolve;
        });
        continue;
      }
      Atomics.add(running.counters, creditsAt, 1);
      Atomics.notify(running.counters, creditsAt);
      if (message.part !== undefined) yield message.part;
      else if (message.error !== undefined) throw message.error;
      else {
        this.#running.delete(id);
        return;
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#isEnded) return;
    this.#failure ??= { error };
    for (const { wake } of this.#running.values()) wake();
  }
}
