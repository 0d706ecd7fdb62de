import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { HoldfastError } from '../../../core/errors.ts';
import type { StreamRecord } from '../../../core/manifest.ts';
import type { BackupReader } from '../../engine.ts';
import type { PathChoice } from '../restore/path-choice.ts';
import type { TreeWriter } from '../restore/tree-writer.ts';
import type { NewFile } from '../restore/write-pool.ts';
import { isInside } from '../tar/inspect-tar.ts';
import { type Entry, shownPath } from '../tree/entry.ts';
import { TreeSum } from '../tree/tree-content.ts';
import { backupsOf, readChunks } from './chain.ts';
import { digestOfChunks, isZero, zeroDigest } from './chunk-sink.ts';
import type { ChunkPlace, FileChunk, IndexEntry } from './index-line.ts';
import { openIndex } from './read-index.ts';

type Stream = {
  readonly record: StreamRecord;
  open(): AsyncIterable<Uint8Array>;
  readonly reader?: BackupReader | undefined;
  /** Told how much is going to be written before any of it is; may refuse. */
  readonly onPlanned: (bytes: number) => void;
};

/** A file that waits for its chunks. */
type Waiting = { readonly entry: Entry; readonly digest: Uint8Array; left: number; file?: NewFile };
/** A chunk, and where in which files it belongs. */
type Wanted = ChunkPlace & { readonly id: string; readonly into: { readonly file: Waiting; readonly at: number }[] };

/**
 * Makes the chosen entries of an index, and fills the files chunk by chunk, each pack being read once and only where something in it is
 * wanted. Throws `corrupt` when index or chunks are not what they should be.
 */
export async function restoreChunks(
  { record, open, reader, onPlanned }: Stream,
  choice: PathChoice,
  writer: TreeWriter,
  onBytes: (count: number) => void,
): Promise<void> {
  if (reader === undefined) throw new HoldfastError('internal', 'chunks cannot be read without their backups');
  const wanted = new Map<string, Wanted>();
  const backups = await makeEntries({ record, open }, choice, writer, (file, chunks) => {
    let at = 0;
    for (const { id, backup, offset, length } of chunks) {
      const known = wanted.get(id) ?? { id, backup, offset, length, into: [] };
      known.into.push({ file, at });
      wanted.set(id, known);
      at += length;
    }
  });

  const idOfZeros = zeroDigest().toString('hex');
  onPlanned([...wanted.values()].reduce((sum, chunk) => sum + plannedBytes(chunk, idOfZeros), 0));

  let written = 0;
  const own = backupsOf(backups, reader.manifest.backupId);
  for (const [backup, places] of Map.groupBy(wanted.values(), (place) => place.backup)) {
    for await (const { place, bytes } of readChunks(reader, own[backup] ?? '', record.name, places)) {
      if (hash('sha256', bytes, 'hex') !== place.id)
        throw new HoldfastError('corrupt', `a chunk of '${own[backup]}' is not what its SHA-256 says`);
      const isHole = isZero(bytes);
      for (const { file, at } of place.into) {
        const { entry, digest } = file;
        file.file ??= writer.beginFile(entry);
        // What is not written of a sparse file stays a hole.
        if (!(isHole && entry.isSparse)) file.file.write(bytes, at);
        file.left -= 1;
        if (file.left === 0) file.file.end(digest);
      }
      written += bytes.length * place.into.length;
      onBytes(written);
      await writer.room();
    }
  }
}

/** What a chunk takes in all files that it is in: the zeros that large holes consist of take nothing in a sparse one. */
const plannedBytes = ({ id, length, into }: Wanted, idOfZeros: string): number =>
  length * (id === idOfZeros ? into.filter(({ file }) => !file.entry.isSparse).length : into.length);

async function makeEntries(
  { record, open }: Pick<Stream, 'record' | 'open'>,
  choice: PathChoice,
  writer: TreeWriter,
  want: (file: Waiting, chunks: readonly FileChunk[]) => void,
): Promise<readonly string[]> {
  const made = new Set<string>();
  const orphans = new Map<string, Entry[]>();
  const makeFile = ({ entry, chunks }: Pick<IndexEntry, 'entry' | 'chunks'>): void => {
    const digest = digestOfChunks(chunks.map(({ id }) => Buffer.from(id, 'hex')));
    if (chunks.length > 0) want({ entry, digest, left: chunks.length }, chunks);
    else writer.beginFile(entry).end(digest);
  };

  const backups = await eachEntry({ record, open }, (found) => {
    const { entry } = found;
    if (!choice.has(entry)) return;
    if (entry.kind === 'folder') writer.addFolder(entry);
    else if (entry.kind === 'file') {
      if (!choice.isWhole) made.add(keyOf(entry.path));
      makeFile(found);
    } else if (entry.kind === 'hard-link' && !choice.isWhole && !made.has(keyOf(entry.target)))
      orphans.set(keyOf(entry.target), [...(orphans.get(keyOf(entry.target)) ?? []), entry]);
    else writer.addSpecial(entry);
  });
  choice.requireAllFound(record.name);
  if (orphans.size > 0)
    await eachEntry({ record, open }, ({ entry, chunks }) => {
      const [first, ...others] = entry.kind === 'file' ? (orphans.get(keyOf(entry.path)) ?? []) : [];
      if (first === undefined) return;
      const { path } = first;
      makeFile({ entry: { ...entry, path }, chunks });
      for (const other of others) writer.addSpecial({ ...other, target: path });
    });
  return backups;
}

/** Goes through an index, and proves it to be the manifest's. */
async function eachEntry(
  { record, open }: Pick<Stream, 'record' | 'open'>,
  take: (entry: IndexEntry) => void,
): Promise<readonly string[]> {
  const sum = new TreeSum();
  const { header, entries } = await openIndex(open());
  for await (const found of entries) {
    const { entry, chunks } = found;
    if (!isInside(entry.path))
      throw new HoldfastError('corrupt', `the index names '${shownPath(entry.path)}', which lies outside of it`);
    const ids = chunks.map(({ id }) => Buffer.from(id, 'hex'));
    sum.add(entry, entry.kind === 'file' ? digestOfChunks(ids) : undefined);
    take(found);
  }
  if (!isDeepStrictEqual(sum.content().content, record.content))
    throw new HoldfastError('corrupt', `the index of tree '${record.name}' lists other files than its manifest says`);
  return header.backups;
}

const keyOf = (path: Buffer | undefined): string => path?.toString('latin1') ?? '';
