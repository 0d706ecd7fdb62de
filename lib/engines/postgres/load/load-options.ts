import type { TocEntry } from '../archive/read-toc.ts';
import type { Connection } from '../connection.ts';
import type { ClientTools } from '../tools.ts';

export type LoadOptions = {
  readonly connection: Connection;
  readonly tools: ClientTools;
  /** The database that is filled; it is empty. */
  readonly database: string;
  /** E.g. `the restore of database 'orders'`. */
  readonly doing: string;
  /** What progress is told of. */
  readonly detail: string;
  readonly jobs: number;
  readonly lcMonetary: string | null;
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly onBytes?: (bytes: number) => void;
  /** Which entries are put back. Throws when that cannot be. @default - all of them */
  readonly choose?: (
    entries: readonly TocEntry[],
  ) => Promise<(entry: TocEntry) => boolean> | ((entry: TocEntry) => boolean);
};

/** The bytes, told of as they are asked for. */
export async function* counted({
  bytes,
  onBytes,
}: Pick<LoadOptions, 'bytes' | 'onBytes'>): AsyncGenerator<Uint8Array, void> {
  let seenBytes = 0;
  for await (const chunk of bytes) {
    yield chunk;
    seenBytes += chunk.length;
    onBytes?.(seenBytes);
  }
}
