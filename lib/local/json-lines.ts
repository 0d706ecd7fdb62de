import {
  appendFileSync,
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type * as z from 'zod';

/**
 * A file of one JSON value a line, only ever appended to. A line is written by one system call before the caller goes
 * on; a power cut leaves at most an unfinished last line, which readers pass over and the next opening ends.
 */
export class JsonLines<T> {
  readonly #file: string;
  readonly #schema: z.ZodType<T>;

  constructor(file: string, schema: z.ZodType<T>) {
    this.#file = file;
    this.#schema = schema;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    endLastLine(file);
  }

  /** Writes one line. */
  append(value: T): void {
    appendFileSync(this.#file, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  }

  /** All lines in the order in which they were written. */
  async *read(): AsyncGenerator<T> {
    if (!existsSync(this.#file)) return;
    for await (const line of createInterface({ input: createReadStream(this.#file) })) {
      const value = this.#parse(line);
      if (value !== undefined) yield value;
    }
  }

  #parse(line: string): T | undefined {
    try {
      return this.#schema.safeParse(JSON.parse(line)).data;
    } catch {
      return undefined;
    }
  }
}

function endLastLine(file: string): void {
  if (!existsSync(file)) return;
  const { size } = statSync(file);
  if (size === 0) return;
  const last = Buffer.alloc(1);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, last, 0, 1, size - 1);
  } finally {
    closeSync(descriptor);
  }
  if (last.toString() !== '\n') appendFileSync(file, '\n');
}
