import { appendFileSync, createReadStream, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { z } from 'zod';

/**
 * A file of one JSON value a line, only ever appended to. A line is written by one system call before the caller goes
 * on; a crash leaves at most an unfinished last line, which readers pass over.
 */
export class JsonLines<T> {
  readonly #file: string;
  readonly #schema: z.ZodType<T>;

  constructor(file: string, schema: z.ZodType<T>) {
    this.#file = file;
    this.#schema = schema;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
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
