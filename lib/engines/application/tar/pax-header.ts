import type { Stretch } from '../native/libc.ts';
import { type Entry, type EntryKind, textOf } from '../tree/entry.ts';
import { timeText } from '../tree/tree-content.ts';

export const blockBytes = 512;

/** POSIX's letters for what an entry is. */
export const typeFlags: Readonly<Record<EntryKind, string>> = {
  file: '0',
  'hard-link': '1',
  link: '2',
  'character-device': '3',
  'block-device': '4',
  folder: '5',
  fifo: '6',
};

/** Says that an entry takes the place of the one before it, whose file changed while it was read. */
export const againKeyword = 'HOLDFAST.again';
/** How star, GNU tar and libarchive call the records of extended attributes. */
export const xattrPrefix = 'SCHILY.xattr.';

type PaxRecord = readonly [keyword: string, value: string | Buffer];

/** The largest values that the octal fields of a plain header hold. */
const largestId = 0o7777777;
const largestSize = 0o77777777777;

/**
 * The headers of an entry in the pax interchange format (POSIX.1-2001): a plain header where it says all, an extended one before it
 * otherwise. `stretches` are those of a sparse file that hold data: then the entry's content begins with their list, as GNU's sparse format
 * 1.0 has it, and `contentBytes` are those of list and data.
 */
export function paxHeaders(
  entry: Entry,
  options: { readonly isAgain?: boolean; readonly sparse?: { readonly map: Buffer; readonly dataBytes: number } } = {},
): Buffer {
  const { sparse } = options;
  const name = nameOf(entry);
  const target = entry.target ?? noBytes;
  const stored = sparse ? sparse.map.length + sparse.dataBytes : entry.size;
  const records: PaxRecord[] = [];
  const isOdd = (bytes: Buffer): boolean => !isPlain(bytes) && textOf(bytes) === undefined;
  if (isOdd(name) || isOdd(target)) records.push(['hdrcharset', 'BINARY']);
  if (sparse) {
    records.push(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0']);
    records.push(['GNU.sparse.name', name], ['GNU.sparse.realsize', String(entry.size)]);
  } else if (!isPlain(name)) records.push(['path', name]);
  if (!isPlain(target)) records.push(['linkpath', target]);
  if (stored > largestSize) records.push(['size', String(stored)]);
  if (entry.uid > largestId) records.push(['uid', String(entry.uid)]);
  if (entry.gid > largestId) records.push(['gid', String(entry.gid)]);
  const seconds = wholeSeconds(entry.mtime);
  if (seconds === undefined) records.push(['mtime', timeText(entry.mtime)]);
  if (options.isAgain) records.push([againKeyword, '1']);
  for (const [attribute, value] of entry.xattrs)
    records.push([xattrPrefix + attribute.toString('latin1').replaceAll('%', '%25').replaceAll('=', '%3D'), value]);

  const header = plainHeader({
    name: sparse ? Buffer.concat([Buffer.from('GNUSparseFile.0/'), name]) : name,
    typeFlag: typeFlags[entry.kind],
    mode: entry.mode,
    uid: Math.min(entry.uid, largestId),
    gid: Math.min(entry.gid, largestId),
    size: Math.min(stored, largestSize),
    seconds: seconds ?? 0,
    target,
    device: entry.device,
  });
  if (records.length === 0) return header;
  const extended = records.map(recordBytes);
  const size = extended.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([extendedHeader(size), ...extended, padding(size), header]);
}

/** Most extended headers hold a time alone, and are of one size. */
let lastExtended: { readonly size: number; readonly header: Buffer } | undefined;

function extendedHeader(size: number): Buffer {
  if (lastExtended?.size !== size)
    lastExtended = {
      size,
      header: plainHeader({
        name: Buffer.from('PaxHeaders/holdfast'),
        typeFlag: 'x',
        mode: 0o644,
        uid: 0,
        gid: 0,
        size,
        seconds: 0,
        target: noBytes,
        device: undefined,
      }),
    };
  return lastExtended.header;
}

/** The list of data stretches that the content of a sparse file of that size begins with, filled up to whole blocks. */
export function sparseMap(stretches: readonly Stretch[], size: number): Buffer {
  const last = stretches.at(-1);
  // GNU tar makes a file no longer than its last stretch: a hole at the end is told by an empty one.
  const end = last !== undefined && last.start + last.length === size ? [] : [{ start: size, length: 0 }];
  const all = [...stretches, ...end];
  const numbers = [all.length, ...all.flatMap(({ start, length }) => [start, length])];
  const text = Buffer.from(numbers.map((number) => `${number}\n`).join(''), 'latin1');
  return Buffer.concat([text, padding(text.length)]);
}

/** Two blocks of zeros end an archive. */
export const archiveEnd = (): Buffer => Buffer.alloc(2 * blockBytes);

/** The zeros that fill up content of that length to whole blocks. */
export const padding = (length: number): Buffer => zeros.subarray(0, (blockBytes - (length % blockBytes)) % blockBytes);

const zeros = Buffer.alloc(blockBytes);
const noBytes = Buffer.alloc(0);

/** A folder's name ends with a slash, and the tree itself is called `./`. */
function nameOf({ path, kind }: Entry): Buffer {
  if (path.length === 0) return Buffer.from('./');
  return kind === 'folder' ? Buffer.concat([path, Buffer.from('/')]) : path;
}

/** May a name stand in a plain header? It is short, and ASCII: what other bytes there mean, no standard says. */
function isPlain(name: Buffer): boolean {
  if (name.length > 100) return false;
  for (let at = 0; at < name.length; at++) if ((name[at] as number) >= 0x80) return false;
  return true;
}

function wholeSeconds(mtime: bigint): number | undefined {
  if (mtime < 0n || mtime % 1_000_000_000n !== 0n) return undefined;
  const seconds = Number(mtime / 1_000_000_000n);
  return seconds <= largestSize ? seconds : undefined;
}

/** `length keyword=value\n`, where the length counts its own digits. */
function recordBytes([keyword, value]: PaxRecord): Buffer {
  const content = ` ${keyword}=${typeof value === 'string' ? value : value.toString('latin1')}\n`;
  let length = content.length + 1;
  while (String(length).length + content.length !== length) length = String(length).length + content.length;
  return Buffer.from(`${length}${content}`, 'latin1');
}

/** What is the same in every header: mode, owner and device are zeros in digits, and the checksum counts itself as spaces. */
const template = Buffer.alloc(blockBytes);
template.write('0000000\x000000000\x000000000\x0000000000000\x0000000000000\x00        ', 100, 'latin1');
template.write('ustar\x0000', 257, 'latin1');
template.write('0000000\x000000000\x00', 329, 'latin1');

function plainHeader(fields: {
  readonly name: Buffer;
  readonly typeFlag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly seconds: number;
  readonly target: Buffer;
  readonly device: Entry['device'];
}): Buffer {
  const header = Buffer.from(template);
  header.set(fields.name.length > 100 ? fields.name.subarray(0, 100) : fields.name);
  octal(header, fields.mode, 106);
  octal(header, fields.uid, 114);
  octal(header, fields.gid, 122);
  octal(header, fields.size, 134);
  octal(header, fields.seconds, 146);
  header[156] = fields.typeFlag.charCodeAt(0);
  if (fields.target.length > 0) header.set(fields.target.subarray(0, 100), 157);
  octal(header, fields.device?.major ?? 0, 335);
  octal(header, fields.device?.minor ?? 0, 343);
  let sum = 0;
  for (let at = 0; at < blockBytes; at++) sum += header[at] as number;
  header.write('000000\0 ', 148, 'latin1');
  octal(header, sum, 153);
  return header;
}

/** Writes digits over zeros, the last of them at `last`. */
function octal(header: Buffer, value: number, last: number): void {
  for (let [rest, at] = [value, last]; rest > 0; at--) {
    header[at] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}
