import { HoldfastError } from '../../../core/errors.ts';
import { headerSchema, type IndexEntry, type IndexHeader, parsed, parseLine, trailerSchema } from './index-line.ts';

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
  if (end === undefined) throw new HoldfastError('dump-incomplete', `the index ends after line ${number}`);
  if (parsed(trailerSchema, end, number).entries !== number - 2)
    throw new HoldfastError('corrupt', 'the index has another number of entries than it says');
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const line = pieces.length === 0 ? rest.subarray(0, end) : Buffer.concat([...pieces, rest.subarray(0, end)]);
      pieces = [];
      length = 0;
      rest = rest.subarray(end + 1);
      yield line.toString('utf8');
    }
    if (rest.length === 0) continue;
    // The chunk is its giver's again when the next one is asked for.
    pieces.push(Buffer.from(rest));
    length += rest.length;
    if (length > longestLine) throw new HoldfastError('corrupt', 'the index has a line that does not end');
  }
  if (pieces.length > 0) throw new HoldfastError('dump-incomplete', 'the index ends within a line');
}
