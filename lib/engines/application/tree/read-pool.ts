import { Worker } from 'node:worker_threads';
import type { SinkName } from './open-sink.ts';
import type { Part, ReadJob } from './read-files.ts';

/** What a reader thread begins with: `credits` counts how many messages it may still send. */
export type ReaderData = { readonly sink: SinkName; readonly credits: SharedArrayBuffer };
export type ToReader = { readonly id: number; readonly job: ReadJob };
/** A part of a job; neither part nor error ends it. */
export type FromReader = { readonly id: number; readonly part?: Part; readonly error?: unknown };

/** Messages of a thread that wait to be taken, at most; each holds a mebibyte or a little more. */
const readAhead = 3;

/** As a program's own file beside it, or in the sources. */
const program = new URL(import.meta.url.endsWith('.ts') ? './read-worker.ts' : './read-worker.mjs', import.meta.url);

type Reader = { readonly worker: Worker; readonly credits: Int32Array };
type Running = { readonly queue: FromReader[]; wake: () => void; readonly credits: Int32Array };

/** Threads that read files. The parts of a job come in order; jobs are under way side by side, a thread's own one after another. */
export class ReadPool {
  readonly #workers: Reader[] = [];
  readonly #running = new Map<number, Running>();
  #failure: { readonly error: unknown } | undefined;
  #next = 0;
  #isEnded = false;

  constructor(sink: SinkName, readers: number) {
    for (let index = 0; index < readers; index++) {
      const credits = new SharedArrayBuffer(4);
      const counter = new Int32Array(credits);
      counter[0] = readAhead;
      const worker = new Worker(program, { workerData: { sink, credits } satisfies ReaderData });
      worker.on('message', (message: FromReader) => {
        const job = this.#running.get(message.id);
        job?.queue.push(message);
        job?.wake();
      });
      worker.on('error', (error) => this.#fail(error));
      worker.on('exit', () => this.#fail(new Error('a thread that reads files has ended')));
      this.#workers.push({ worker, credits: counter });
    }
  }

  /** How many jobs keep every thread busy while one is being taken. */
  get width(): number {
    return this.#workers.length * 2;
  }

  /** Begins a job; its parts are to be taken in the order in which jobs were begun. */
  begin(job: ReadJob): AsyncGenerator<Part, void> {
    const id = this.#next++;
    const { worker, credits } = this.#workers[id % this.#workers.length] as Reader;
    const running: Running = { queue: [], wake: () => {}, credits };
    this.#running.set(id, running);
    worker.postMessage({ id, job } satisfies ToReader);
    return this.#partsOf(id, running);
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()));
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
      Atomics.add(running.credits, 0, 1);
      Atomics.notify(running.credits, 0);
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
