import type { Client } from 'pg';
import { type CopyStreamQuery, from as copyFrom } from 'pg-copy-streams';
import type { Slice } from '../archive/row-slices.ts';
import { fromServerError } from '../errors.ts';
import type { SliceQueue } from './slice-queue.ts';

export type LaneOptions = {
  readonly client: Client;
  readonly queue: SliceQueue;
  /** The `COPY … FROM stdin` that takes an entry's rows. */
  readonly commandOf: (dumpId: number) => string;
  /** Says how many rows of the entry the server has taken. */
  readonly onLoaded: (dumpId: number, rows: number) => void;
  readonly recycle: (slice: Slice) => void;
};

/** A smaller write may be still on its way when it is said to be done. */
const surelyWrittenBytes = 65_536;

/**
 * Takes slices from the queue until there are no more, and loads each into its table. Successive slices of one table are one `COPY`; several
 * lanes may be at one table. Rejects with what the server said.
 */
export async function runCopyLane({ client, queue, commandOf, onLoaded, recycle }: LaneOptions): Promise<void> {
  const lane = {};
  // A connection that breaks does not always tell the query that is waiting for it.
  const lost = new Promise<never>((_, reject) => {
    client.once('end', () => reject(fromServerError(new Error('connection terminated'), 'loading the rows')));
  });
  lost.catch(() => {});
  let open: { readonly dumpId: number; readonly copy: Copy } | undefined;
  const close = async (): Promise<void> => {
    if (open) onLoaded(open.dumpId, await open.copy.end());
    open = undefined;
  };
  for (;;) {
    const load = await queue.take(lane);
    if (open && open.dumpId !== load?.dumpId) await close();
    if (load === undefined) return;
    open ??= { dumpId: load.dumpId, copy: new Copy(client, commandOf(load.dumpId), lost) };
    await open.copy.write(load.slice.bytes);
    if (load.slice.bytes.length >= surelyWrittenBytes) recycle(load.slice);
  }
}

/** One `COPY FROM STDIN` on a session. */
class Copy {
  readonly #stream: CopyStreamQuery;
  readonly #failed: Promise<never>;

  constructor(client: Client, command: string, lost: Promise<never>) {
    const about = `loading the rows: ${command.slice(0, 200).replaceAll(/\s+/g, ' ')}`;
    const stream = client.query(copyFrom(command));
    this.#stream = stream;
    const refused = new Promise<never>((_, reject) => {
      stream.once('error', (error) => reject(fromServerError(error, about, 'restore-failed')));
    });
    this.#failed = Promise.race([refused, lost]);
    this.#failed.catch(() => {});
  }

  async write(bytes: Buffer): Promise<void> {
    const written = new Promise<void>((resolve) => this.#stream.write(bytes, () => resolve()));
    await Promise.race([written, this.#failed]);
  }

  /** How many rows the server has taken. */
  async end(): Promise<number> {
    const finished = new Promise<void>((resolve) => {
      this.#stream.once('finish', resolve);
      this.#stream.end();
    });
    await Promise.race([finished, this.#failed]);
    return this.#stream.rowCount;
  }
}
