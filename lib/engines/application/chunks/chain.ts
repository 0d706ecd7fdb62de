import * as z from 'zod';
import { HoldfastError } from '../../../core/errors.ts';
import { backupIdSchema } from '../../../core/ids.ts';
import type { Manifest, StreamRecord } from '../../../core/manifest.ts';
import type { BackupReader } from '../../engine.ts';
import { streamName } from '../source.ts';
import type { ChunkPlace } from './index-line.ts';

/** How an index calls the backup that it belongs to, whose id nobody knows yet while it is written. */
export const ownBackup = '.';

/** On how many others the backup builds. */
export const chainLinksOf = ({ source }: Manifest): number =>
  z.number().int().nonnegative().catch(0).parse(source['chainLinks']);

/** The backups that an index lists, with the own one's id in its place. */
export const backupsOf = (listed: readonly string[], own: string): readonly string[] =>
  listed.map((id) => (id === ownBackup ? own : id));

export type Chunk<Place extends ChunkPlace> = { readonly place: Place; readonly bytes: Uint8Array };

/**
 * The content of chunks that lie in one backup's packs of a tree, in the order of their offsets, whole objects being read for them. Rejects
 * with what reading the store rejects with; that the bytes are the chunk's, the caller sees by its SHA-256.
 */
export async function* readChunks<Place extends ChunkPlace>(
  reader: BackupReader,
  backup: string,
  tree: string,
  places: readonly Place[],
): AsyncGenerator<Chunk<Place>> {
  const id = backupIdSchema.parse(backup);
  const manifest = await reader.ancestor(id);
  const record = manifest.streams.find(
    ({ stream, kind, status }) => kind === 'packs' && stream === streamName('packs', tree) && status === 'complete',
  );
  if (record === undefined)
    throw new HoldfastError('object-missing', `backup '${backup}' has no packs of tree '${tree}'`);
  for (const { first, last, start, chunks } of runsOf(record, places)) {
    let position = start;
    let next = 0;
    let filling: Buffer | undefined;
    for await (const bytes of reader.read(id, record, { first, last })) {
      for (;;) {
        const place = chunks[next];
        if (place === undefined || place.offset >= position + bytes.length) break;
        filling ??= Buffer.allocUnsafeSlow(place.length);
        const from = Math.max(place.offset, position);
        const to = Math.min(place.offset + place.length, position + bytes.length);
        filling.set(bytes.subarray(from - position, to - position), from - place.offset);
        if (to < place.offset + place.length) break;
        yield { place, bytes: filling };
        filling = undefined;
        next += 1;
      }
      position += bytes.length;
    }
    if (next < chunks.length) throw new HoldfastError('corrupt', `the packs of '${backup}' end before their chunks do`);
  }
}

type Run<Place> = {
  readonly first: number;
  last: number;
  readonly start: number;
  readonly chunks: Place[];
};

/** Objects that follow one another and hold chunks that are wanted. */
function runsOf<Place extends ChunkPlace>(record: StreamRecord, places: readonly Place[]): readonly Run<Place>[] {
  const starts: number[] = [];
  let total = 0;
  for (const { plainBytes } of record.objects) {
    starts.push(total);
    total += plainBytes;
  }
  const objectAt = (offset: number): number => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const runs: Run<Place>[] = [];
  for (const place of places.toSorted((one, other) => one.offset - other.offset)) {
    if (place.offset + place.length > total)
      throw new HoldfastError('corrupt', `a chunk lies behind the end of the packs of tree '${record.name}'`);
    const [first, last] = [objectAt(place.offset), objectAt(place.offset + place.length - 1)];
    const run = runs.at(-1);
    if (run !== undefined && first <= run.last + 1) {
      run.last = Math.max(run.last, last);
      run.chunks.push(place);
    } else runs.push({ first, last, start: starts[first] as number, chunks: [place] });
  }
  return runs;
}
