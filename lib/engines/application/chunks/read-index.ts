import { HoldfastError } from '../../../core/errors.ts';
import {
  type FileChunk,
  headerSchema,
  type IndexEntry,
  type IndexHeader,
  parsed,
  parseLine,
  trailerSchema,
} from './index-line.ts';

/** No line is longer: a file of a tebibyte has a million chunks, of a hundred bytes each. */
const longestLine = 512 * 1024 * 1024;

/** What an index says, in order; its header is known when the first entry is given. */
export type OpenIndex = { readonly header: IndexHeader; readonly entries: AsyncGenerator<IndexEntry, void> };

/** Begins to read an index. Reading throws `corrupt`, and `dump-incomplete` where it ends too early. */
export async function openIndex(bytes: AsyncIterable<Uint8Array>): Promise<OpenIndex> {
  const lines = linesOf(bytes);
  const first = await lines.next();
  if (first.done) throw new HoldfastError('dump-incomplete', 'the index is empty');
  const header = parsed(headerSchema, first.value, 1);
  return { header, entries: entriesOf(lines, header) };
}

/** A chunk as a line has it. Names cannot hold the like: a quotation mark in them has a backslash before it. */
const chunkPattern = /\["([0-9a-f]{64})",(\d+),(\d+),(\d+)\]/g;

/**
 * The chunks that an index names, in order, some more than once. Of the lines between its first and its last nothing else is looked at. Throws as
 * `openIndex` does, where it ends too.
 */
export async function readChunksNamed(
  bytes: AsyncIterable<Uint8Array>,
  take: (chunk: FileChunk) => void,
): Promise<IndexHeader> {
  let header: IndexHeader | undefined;
  let lines = 0;
  let last = '';
  for await (const text of textsOf(bytes)) {
    header ??= parsed(headerSchema, text.split('\n', 1)[0] ?? '', 1);
    for (const [, id = '', backup, offset, length] of text.matchAll(chunkPattern)) {
      if (Number(backup) >= header.backups.length)
        throw new HoldfastError('corrupt', 'the index names a backup that its header does not');
      // A match is a view of its text, and would keep all of it for as long as the chunk is known.
      const ownId = Buffer.from(id, 'latin1').toString('latin1');
      take({ id: ownId, backup: Number(backup), offset: Number(offset), length: Number(length) });
    }
    lines += linesIn(text);
    last = text.slice(text.lastIndexOf('\n') + 1);
  }
  if (header === undefined) throw new HoldfastError('dump-incomplete', 'the index is empty');
  requireEnd(last, lines);
  return header;
}

async function* entriesOf(lines: AsyncGenerator<string, void>, header: IndexHeader): AsyncGenerator<IndexEntry, void> {
  let number = 1;
  let end: string | undefined;
  try {
    for await (const line of lines) {
      number += 1;
      if (end !== undefined) throw new HoldfastError('corrupt', 'something follows the end of the index');
      if (line.startsWith('{"end":')) {
        end = line;
        continue;
      }
      const entry = parseLine(line, number);
      if (entry.chunks.some(({ backup }) => backup >= header.backups.length))
        throw new HoldfastError('corrupt', `line ${number} of the index names a backup that its header does not`);
      yield entry;
    }
  } finally {
    await lines.return();
  }
  requireEnd(end ?? '', number);
}

function linesIn(text: string): number {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** Throws unless the line of that number is an index's last, and says how many there are. */
function requireEnd(line: string, number: number): void {
  if (!line.startsWith('{"end":')) throw new HoldfastError('dump-incomplete', `the index ends after line ${number}`);
  if (parsed(trailerSchema, line, number).entries !== number - 2)
    throw new HoldfastError('corrupt', 'the index has another number of entries than it says');
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  for await (const text of textsOf(bytes)) yield* text.split('\n');
}

/** Whole lines, some at a time, without the end of the last. */
async function* textsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    const given = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const end = given.lastIndexOf(0x0a);
    if (end >= 0) {
      yield Buffer.concat([...pieces, given.subarray(0, end)]).toString('utf8');
      pieces = [];
      length = 0;
    }
    const rest = given.subarray(end + 1);
    if (rest.length === 0) continue;
    // The chunk is its giver's again when the next one is asked for.
    pieces.push(Buffer.from(rest));
    length += rest.length;
    if (length > longestLine) throw new HoldfastError('corrupt', 'the index has a line that does not end');
  }
  if (pieces.length > 0) throw new HoldfastError('dump-incomplete', 'the index ends within a line');
}
