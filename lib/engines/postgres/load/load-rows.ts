import type { Client } from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { type DigestSum, digestText } from '../../digest/digest-sum.ts';
import type { EngineContext } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import type { ArchiveReader } from '../archive/archive-parts.ts';
import type { TocEntry } from '../archive/read-toc.ts';
import { runCopyLane } from './copy-lane.ts';
import { SliceQueue } from './slice-queue.ts';

/** What was loaded into a table: rows that the server took, and the digest of the bytes that it was given. */
export type LoadedTable = { readonly entry: TocEntry; readonly rows: number; readonly digest: string };

/**
 * Loads the rows that the reader gives into their tables, over all sessions at once, and proves that the server took as many as the archive
 * has. The sessions stay the caller's to end, and must be ended when this rejects: some may be amid a `COPY`.
 */
export async function loadRows(
  context: EngineContext,
  options: {
    readonly reader: ArchiveReader;
    readonly tables: readonly TocEntry[];
    readonly clients: readonly Client[];
    readonly doing: string;
    /** Takes blocks of large objects. @default - there are none among what is wanted */
    readonly onLargeObjects?: (bytes: Buffer) => Promise<void>;
  },
): Promise<readonly LoadedTable[]> {
  const { reader, clients, doing } = options;
  const tables = new Map(options.tables.map((entry) => [entry.dumpId, entry]));
  const rowsTaken = new Map<number, number>();
  const sums = new Map<number, DigestSum>();
  const queue = new SliceQueue(clients.length * 2);
  const onAbort = () => queue.fail(stopReason(context.signal, doing));
  context.signal.addEventListener('abort', onAbort, { once: true });

  async function giveOut(): Promise<void> {
    for await (const part of reader.parts) {
      if (context.signal.aborted) throw stopReason(context.signal, doing);
      if (part.part === 'rows') await queue.put(part);
      else if (part.part === 'rows-end') sums.set(part.dumpId, part.sum);
      else if (part.part === 'large-objects') await options.onLargeObjects?.(part.bytes);
    }
    queue.end();
  }
  const lanes = clients.map((client) =>
    runCopyLane({
      client,
      queue,
      commandOf: (dumpId) => copyCommandOf(tables.get(dumpId)),
      onLoaded: (dumpId, rows) => rowsTaken.set(dumpId, (rowsTaken.get(dumpId) ?? 0) + rows),
      recycle: (slice) => reader.recycle(slice),
    }),
  );
  const failing = (error: unknown): void => queue.fail(error);
  try {
    await Promise.all([giveOut(), ...lanes].map((work) => work.catch(failing)));
    // Whoever asks after a failure gets the first one.
    await queue.take({});
  } finally {
    context.signal.removeEventListener('abort', onAbort);
  }
  return [...sums].map(([dumpId, sum]) => loadedTable(tables.get(dumpId), rowsTaken.get(dumpId) ?? 0, sum));
}

function copyCommandOf(entry: TocEntry | undefined): string {
  const command = entry?.copyCommand?.replace(/;\s*$/, '');
  if (command === undefined || !command.endsWith('FROM stdin'))
    throw new HoldfastError('restore-failed', `the rows of table '${entry?.tag ?? ''}' are no COPY text`);
  return command;
}

function loadedTable(entry: TocEntry | undefined, rows: number, sum: DigestSum): LoadedTable {
  if (!entry) throw new HoldfastError('internal', 'rows of a table that was not asked for');
  if (rows !== sum.rows)
    throw new HoldfastError(
      'restore-failed',
      `the server took ${rows} rows of table '${entry.schema}.${entry.tag}', and the backup has ${sum.rows}`,
    );
  return { entry, rows, digest: digestText(sum) };
}
