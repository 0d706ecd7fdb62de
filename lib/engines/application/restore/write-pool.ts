import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { GrowingBytes } from '../../growing-bytes.ts';
import type { Entry } from '../tree/entry.ts';
import { IdleProcessors } from '../tree/idle-processors.ts';
import { waitForEnd } from '../tree/thread-end.ts';
import type { FolderSum } from '../tree/tree-content.ts';
import type { Unset } from './entry-properties.ts';
import {
  errorOf,
  type FromWriter,
  type RemoveStep,
  type ToWriter,
  textOfFile,
  type WriteStep,
} from './write-messages.ts';

/** So much goes to a thread at once, in bytes or pieces of files. */
const batchBytes = 1_048_576;
const batchSteps = 256;
/** Bytes that may be on their way to each thread before whoever gives them has to wait. */
const inFlightBytes = 4 * batchBytes;

/** As a program's own file beside it, or in the sources. */
const program = new URL(import.meta.url.endsWith('.ts') ? './write-worker.ts' : './write-worker.mjs', import.meta.url);

type Writer = {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly ended: Promise<unknown>;
  readonly bytes: GrowingBytes;
  /** It has told what it made, or failed. */
  readonly done: PromiseWithResolvers<void>;
  steps: (WriteStep | RemoveStep)[];
  spare: ArrayBuffer | undefined;
  inFlight: number;
};

/** A file in the making: pieces of it, in any order, and then its end. Pieces are copied. */
export type NewFile = {
  write(bytes: Uint8Array, position: number): void;
  /** `digest` stands for its content. */
  end(digest: Uint8Array): void;
  /** Takes it back after its end, before another file is begun. */
  remove(): void;
};

/**
 * Threads that make files in a folder. A file is one thread's; several files are made side by side. There is one thread at first, and another whenever
 * whoever gives has to wait while the processors have nothing to do.
 */
export class WritePool {
  readonly #root: string;
  readonly #most: number;
  readonly #writers: Writer[] = [];
  readonly #processors = new IdleProcessors();
  readonly #ended: { readonly sums: FolderSum[]; readonly unset: Unset[] } = { sums: [], unset: [] };
  /** Whose files are given next. */
  #current: Writer;
  #failure: { readonly error: unknown } | undefined;
  #wake = (): void => {};
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#fail(this.#signal.reason);
  #isClosed = false;

  /** When `signal` fires nobody waits any more. */
  constructor(root: Buffer, { writers, signal }: { readonly writers: number; readonly signal: AbortSignal }) {
    this.#root = root.toString('latin1');
    this.#most = writers;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
    this.#current = this.#add();
  }

  /** A new file. Its folder is there. */
  begin(entry: Entry): NewFile {
    const writer = this.#current;
    const path = entry.path.toString('latin1');
    const isSparse = entry.isSparse === true;
    let last: WriteStep | undefined;
    const piece = (bytes: Uint8Array, position: number): WriteStep => {
      const isFirst = last === undefined;
      last = {
        ...{ path, position, start: writer.bytes.length, length: bytes.length, isSparse },
        ...(isFirst && { size: entry.size }),
      };
      writer.bytes.put(bytes);
      writer.steps.push(last);
      return last;
    };
    return {
      write: (bytes, position) => {
        piece(bytes, position);
        this.#flushFull(writer);
      },
      end: (digest) => {
        const step = last !== undefined && writer.steps.at(-1) === last ? last : piece(nothing, 0);
        step.end = { file: textOfFile(entry), digest: Buffer.from(digest).toString('latin1') };
        this.#flushFull(writer);
      },
      remove: () => {
        writer.steps.push({ removed: path });
        // What takes its place has to come after it.
        this.#current = writer;
      },
    };
  }

  /** Resolves when there is room for more. Rejects with what a thread has failed with. */
  async room(): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const inFlight = this.#writers.reduce((sum, writer) => sum + writer.inFlight, 0);
      if (inFlight < this.#writers.length * inFlightBytes) return;
      if (this.#writers.length < this.#most && this.#processors.wereIdle()) {
        this.#current = this.#add();
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves when all files are there, with what they come to. Rejects with what a thread has failed with. */
  async end(): Promise<{ readonly sums: readonly FolderSum[]; readonly unset: readonly Unset[] }> {
    for (const writer of this.#writers) {
      this.#flush(writer);
      writer.port.postMessage('end');
    }
    await Promise.all(this.#writers.map(({ done }) => done.promise));
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#ended;
  }

  /**
   * Lets the threads end, whatever they have still to do: none of them writes afterwards. One that waits for a file system which does not answer is
   * not waited for.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    for (const { port } of this.#writers) port.postMessage('stop');
    await waitForEnd(this.#writers.map(({ ended }) => ended));
    for (const { worker, port } of this.#writers) {
      port.close();
      worker.unref();
    }
  }

  #flushFull(writer: Writer): void {
    if (writer.bytes.length < batchBytes && writer.steps.length < batchSteps) return;
    this.#flush(writer);
    if (writer === this.#current)
      this.#current = this.#writers.reduce((one, other) => (other.inFlight < one.inFlight ? other : one));
  }

  #flush(writer: Writer): void {
    if (writer.steps.length === 0) return;
    const taken = writer.bytes.takeMemory(writer.spare);
    // What only ends files or makes empty ones takes no memory, and leaves what there is to the next.
    if (taken !== undefined) writer.spare = undefined;
    const bytes = taken ?? new Uint8Array(0);
    writer.inFlight += bytes.length;
    writer.port.postMessage({ steps: writer.steps, bytes } satisfies ToWriter, [bytes.buffer]);
    writer.steps = [];
  }

  #add(): Writer {
    const { port1: port, port2 } = new MessageChannel();
    const worker = new Worker(program, { workerData: { root: this.#root, port: port2 }, transferList: [port2] });
    const writer: Writer = {
      ...{ worker, port, steps: [], spare: undefined, inFlight: 0, done: Promise.withResolvers<void>() },
      ended: new Promise((resolve) => worker.once('exit', resolve)),
      bytes: new GrowingBytes(batchBytes + 256 * 1024),
    };
    port.on('message', (message: FromWriter) => this.#take(writer, message));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', () => {
      if (!this.#isClosed) this.#fail(new Error('a thread that writes files has ended'));
    });
    this.#writers.push(writer);
    return writer;
  }

  #take(writer: Writer, message: FromWriter): void {
    if ('failure' in message) this.#fail(errorOf(message.failure));
    else if ('taken' in message) {
      writer.inFlight -= message.taken;
      if (message.spare.byteLength > 0) writer.spare = message.spare;
      this.#wake();
    } else {
      this.#ended.sums.push(...message.sums);
      this.#ended.unset.push(...message.unset);
      writer.done.resolve();
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { done } of this.#writers) done.resolve();
    this.#wake();
  }
}

const nothing = new Uint8Array(0);
