import { HoldfastError } from '../../../core/errors.ts';
import { nanosecondsOf } from '../chunks/index-line.ts';
import type { Stretch, Xattr } from '../native/libc.ts';
import { type Entry, type EntryKind, largestFile } from '../tree/entry.ts';
import { againKeyword, blockBytes, typeFlags, xattrPrefix } from './pax-header.ts';

/** What a reader of archives does with what is in them, in order: an entry, for a file its data, and its end. */
export type TarVisitor = {
  /** `stretches` are those that the data fill, for a sparse file. `isAgain`: it takes the place of the entry before it. */
  begin(entry: Entry, about: { readonly stretches: readonly Stretch[] | undefined; readonly isAgain: boolean }): void;
  /** A piece of the file's data; good until this returns. */
  data(bytes: Uint8Array): Steps | undefined;
  end(): Steps | undefined;
};

/** Work that is to be done before anything else is given, in steps between which others may have their turn. */
export type Steps = Iterable<void>;

/** No extended header that anyone needs is larger: an attribute has 64 KiB at most. */
const largestHeader = 8 * 1024 * 1024;

type Overrides = Map<string, Buffer>;
type Gathered = 'header' | 'x' | 'g' | 'L' | 'K' | 'map' | 'none';
type Current = {
  readonly entry: Entry;
  readonly storedBytes: number;
  readonly map: { readonly blocks: string[]; lines: number; pairs?: number };
};

/**
 * Reads a tar archive, as POSIX describes it (ustar and pax, with GNU's sparse files, long names and large numbers), from bytes that are not to be
 * trusted: what is not exactly as it has to be ends the reading with `corrupt`, and an archive without its end with `dump-incomplete`.
 * Bytes are pushed, in pieces of any size.
 */
export class TarReader {
  readonly #visitor: TarVisitor;
  /** A block, or an extended header, of which not all has come yet. */
  #gathered: Buffer = Buffer.allocUnsafe(blockBytes);
  #filled = 0;
  #wanted = blockBytes;
  #gathering: Gathered = 'header';
  #dataLeft = 0;
  #paddingLeft = 0;
  #zeroBlocks = 0;
  #isEnded = false;
  #position = 0;
  #global: Overrides = new Map();
  #next: Overrides = new Map();
  #current: Current | undefined;
  #isAgain = false;
  #steps: Steps | undefined;

  constructor(visitor: TarVisitor) {
    this.#visitor = visitor;
  }

  /** Takes in the next bytes at one go. */
  push(bytes: Uint8Array): void {
    for (const _ of this.take(bytes));
  }

  /** Takes in the next bytes, with pauses where it takes longer. */
  *take(bytes: Uint8Array): Generator<void, void> {
    let at = 0;
    while (at < bytes.length) {
      if (this.#gathering === 'none' && this.#dataLeft > 0) {
        const piece = bytes.subarray(at, at + this.#dataLeft);
        this.#dataLeft -= piece.length;
        at += piece.length;
        this.#position += piece.length;
        const steps = this.#visitor.data(piece);
        if (steps) yield* steps;
        if (this.#dataLeft === 0) this.#endEntry();
      } else if (this.#paddingLeft > 0) {
        const skipped = Math.min(this.#paddingLeft, bytes.length - at);
        this.#paddingLeft -= skipped;
        at += skipped;
        this.#position += skipped;
      } else {
        const taken = Math.min(this.#wanted - this.#filled, bytes.length - at);
        this.#gathered.set(bytes.subarray(at, at + taken), this.#filled);
        this.#filled += taken;
        at += taken;
        this.#position += taken;
        if (this.#filled === this.#wanted) this.#takeGathered();
      }
      if (this.#steps) yield* this.#steps;
      this.#steps = undefined;
    }
  }

  /** There is no more. Throws `dump-incomplete` unless the archive has its end. */
  end(): void {
    if (!this.#isEnded || this.#filled > 0)
      throw new HoldfastError(
        'dump-incomplete',
        `the archive ends after ${this.#position} bytes, without its end mark`,
      );
  }

  #takeGathered(): void {
    const bytes = this.#gathered.subarray(0, this.#wanted);
    const what = this.#gathering;
    if (what === 'map') {
      this.#takeMap(bytes);
      return;
    }
    this.#gather('header', blockBytes);
    switch (what) {
      case 'header':
        this.#takeHeader(bytes);
        break;
      case 'x':
      case 'g':
        this.#pad(bytes.length);
        this.#takeRecords(bytes, what === 'x' ? this.#next : this.#global);
        break;
      case 'L':
      case 'K':
        this.#pad(bytes.length);
        this.#next.set(what === 'L' ? 'path' : 'linkpath', Buffer.from(beforeZero(bytes)));
        break;
      default:
        throw new HoldfastError('internal', `nothing is gathered for '${what}'`);
    }
  }

  #gather(what: Gathered, length: number): void {
    this.#gathering = what;
    this.#wanted = length;
    this.#filled = 0;
    if (length !== this.#gathered.length || what !== 'header') this.#gathered = Buffer.allocUnsafe(length);
  }

  #pad(length: number): void {
    this.#paddingLeft = (blockBytes - (length % blockBytes)) % blockBytes;
  }

  #takeHeader(header: Buffer): void {
    const isZero = header.every((byte) => byte === 0);
    if (this.#isEnded) {
      if (!isZero) throw this.#corrupt('something follows the end mark');
      return;
    }
    if (isZero) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#isEnded = true;
      return;
    }
    if (this.#zeroBlocks > 0) throw this.#corrupt('half an end mark stands in it');
    this.#checkSum(header);
    const flag = header.toString('latin1', 156, 157);
    if (flag === 'x' || flag === 'g' || flag === 'L' || flag === 'K') {
      const size = this.#number(header, 124, 12, 'size');
      if (size > largestHeader) throw this.#corrupt(`an extended header has ${size} bytes`);
      if (size > 0) this.#gather(flag, size);
      return;
    }
    this.#begin(header, flag);
  }

  #begin(header: Buffer, flag: string): void {
    const own = this.#next;
    this.#next = new Map();
    const said = (keyword: string): Buffer | undefined => own.get(keyword) ?? this.#global.get(keyword);
    const text = (keyword: string): string | undefined => said(keyword)?.toString('latin1');
    const count = (keyword: string, at: number, length: number): number => {
      const given = text(keyword);
      if (given === undefined) return this.#number(header, at, length, keyword);
      const value = Number(given);
      if (!/^\d{1,16}$/.test(given) || !Number.isSafeInteger(value)) throw this.#corrupt(`'${given}' is no ${keyword}`);
      return value;
    };
    const rawName = said('GNU.sparse.name') ?? said('path') ?? nameIn(header);
    const kind = this.#kindOf(flag, rawName);
    const storedBytes = kind === 'file' ? count('size', 124, 12) : 0;
    const isSparse = text('GNU.sparse.major') !== undefined;
    if (isSparse && (text('GNU.sparse.major') !== '1' || text('GNU.sparse.minor') !== '0' || kind !== 'file'))
      throw this.#corrupt('a sparse file is of a version that is not known');
    const mtime = text('mtime');
    if (mtime !== undefined && !/^-?\d{1,18}(\.\d*)?$/.test(mtime)) throw this.#corrupt(`'${mtime}' is no time`);
    const target = kind === 'link' || kind === 'hard-link';
    const entry: Entry = {
      path: relativePath(rawName),
      kind,
      mode: this.#number(header, 100, 8, 'mode') & 0o7777,
      uid: count('uid', 108, 8),
      gid: count('gid', 116, 8),
      mtime:
        mtime === undefined ? BigInt(this.#number(header, 136, 12, 'mtime')) * 1_000_000_000n : nanosecondsOf(mtime),
      size: isSparse ? count('GNU.sparse.realsize', 124, 12) : storedBytes,
      ...(target && { target: Buffer.from(targetOf(kind, said('linkpath') ?? beforeZero(header.subarray(157, 257)))) }),
      ...((kind === 'character-device' || kind === 'block-device') && {
        device: { major: this.#number(header, 329, 8, 'device'), minor: this.#number(header, 337, 8, 'device') },
      }),
      xattrs: xattrsIn(own),
      ...(isSparse && { isSparse }),
    };
    if (entry.size > largestFile) throw this.#corrupt(`a file of ${entry.size} bytes is larger than files are`);
    this.#current = { entry, storedBytes, map: { blocks: [], lines: 0 } };
    const isAgain = own.has(againKeyword);
    this.#pad(storedBytes);
    if (isSparse) {
      if (storedBytes < blockBytes) throw this.#corrupt('a sparse file has no list of its stretches');
      this.#isAgain = isAgain;
      this.#gather('map', blockBytes);
      return;
    }
    this.#visitor.begin(entry, { stretches: undefined, isAgain });
    this.#startData(storedBytes);
  }

  /** The list may take several blocks: numbers, each on a line, the first of them how many pairs follow. */
  #takeMap(block: Buffer): void {
    const current = this.#current as Current;
    const { map } = current;
    map.blocks.push(block.toString('latin1'));
    for (const byte of block) if (byte === 0x0a) map.lines += 1;
    map.pairs ??= this.#mapNumber(map.blocks[0]?.split('\n', 1)[0]);
    const mapBytes = map.blocks.length * blockBytes;
    if (map.lines < 1 + 2 * map.pairs) {
      if (mapBytes > largestHeader || mapBytes + blockBytes > current.storedBytes)
        throw this.#corrupt('the list of a sparse file does not end');
      this.#gather('map', blockBytes);
      return;
    }
    const lines = map.blocks.join('').split('\n');
    const stretches: Stretch[] = [];
    let end = 0;
    let dataBytes = 0;
    for (let pair = 0; pair < map.pairs; pair++) {
      const start = this.#mapNumber(lines[1 + 2 * pair]);
      const length = this.#mapNumber(lines[2 + 2 * pair]);
      if (start < end || start + length > current.entry.size) throw this.#corrupt('a sparse file is out of order');
      end = start + length;
      dataBytes += length;
      stretches.push({ start, length });
    }
    if (dataBytes !== current.storedBytes - mapBytes)
      throw this.#corrupt('a sparse file has other data than its list says');
    this.#visitor.begin(current.entry, { stretches, isAgain: this.#isAgain });
    this.#startData(dataBytes);
  }

  #mapNumber(text: string | undefined): number {
    const value = Number(text);
    if (text === undefined || !/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value))
      throw this.#corrupt('the list of a sparse file holds no number where one has to be');
    return value;
  }

  #startData(length: number): void {
    this.#dataLeft = length;
    this.#gather('none', blockBytes);
    if (length === 0) this.#endEntry();
  }

  #endEntry(): void {
    this.#current = undefined;
    this.#gather('header', blockBytes);
    this.#steps = this.#visitor.end();
  }

  #kindOf(flag: string, name: Uint8Array): EntryKind {
    // Before POSIX a folder was a file whose name ends with a slash.
    if (flag === '0' || flag === '\0' || flag === '7') return name.at(-1) === 0x2f ? 'folder' : 'file';
    const kind = kindsByFlag.get(flag);
    if (kind === undefined) throw this.#corrupt(`an entry is of type '${flag}', which is not known`);
    return kind;
  }

  #takeRecords(bytes: Buffer, into: Overrides): void {
    for (let at = 0; at < bytes.length; ) {
      const space = bytes.indexOf(0x20, at);
      const digits = space < 0 || space - at > 8 ? '' : bytes.toString('latin1', at, space);
      const length = /^[1-9]\d*$/.test(digits) ? Number(digits) : 0;
      const end = at + length;
      const equals = bytes.indexOf(0x3d, space);
      if (length === 0 || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 0 || equals >= end)
        throw this.#corrupt('a record of an extended header is malformed');
      into.set(bytes.toString('latin1', space + 1, equals), Buffer.from(bytes.subarray(equals + 1, end - 1)));
      at = end;
    }
  }

  #checkSum(header: Buffer): void {
    const expected = this.#number(header, 148, 8, 'checksum');
    let sum = 8 * 0x20;
    for (let at = 0; at < blockBytes; at++) if (at < 148 || at >= 156) sum += header[at] as number;
    if (sum !== expected) throw this.#corrupt('the checksum of a header is wrong');
  }

  /** A number in octal digits, or in GNU's binary form where those do not suffice. */
  #number(header: Buffer, at: number, length: number, what: string): number {
    const field = header.subarray(at, at + length);
    if (field[0] === 0x80) {
      const value = Number(BigInt(`0x${field.subarray(1).toString('hex')}`));
      if (Number.isSafeInteger(value)) return value;
    } else {
      const digits = field
        .toString('latin1')
        .replace(/^ +/, '')
        .replace(/[ \0]+$/, '');
      if (/^[0-7]*$/.test(digits)) return digits === '' ? 0 : Number.parseInt(digits, 8);
    }
    throw this.#corrupt(`the ${what} of a header is no number`);
  }

  #corrupt(what: string): HoldfastError {
    return new HoldfastError('corrupt', `the archive is damaged before byte ${this.#position}: ${what}`);
  }
}

const kindsByFlag: ReadonlyMap<string, EntryKind> = new Map(
  Object.entries(typeFlags).map(([kind, flag]) => [flag, kind as EntryKind]),
);

function beforeZero(field: Buffer): Buffer {
  const zero = field.indexOf(0);
  return zero < 0 ? field : field.subarray(0, zero);
}

/** POSIX splits a long name at a slash; GNU's older headers keep times where the first half would be. */
function nameIn(header: Buffer): Buffer {
  const name = beforeZero(header.subarray(0, 100));
  const isPosix = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? beforeZero(header.subarray(345, 500)) : Buffer.alloc(0);
  return prefix.length === 0 ? Buffer.from(name) : Buffer.concat([prefix, Buffer.from('/'), name]);
}

/** Without `./` before and `/` behind. What else is in it, whoever writes files by it has to mind. */
export function relativePath(name: Buffer): Buffer {
  let [start, end] = [0, name.length];
  while (name[start] === 0x2e && name[start + 1] === 0x2f) {
    start += 2;
    while (name[start] === 0x2f) start += 1;
  }
  while (end > start && name[end - 1] === 0x2f) end -= 1;
  if (end - start === 1 && name[start] === 0x2e) start = end;
  return Buffer.from(name.subarray(start, end));
}

const targetOf = (kind: EntryKind, target: Buffer): Buffer => (kind === 'hard-link' ? relativePath(target) : target);

function xattrsIn(records: Overrides): readonly Xattr[] {
  const found: Xattr[] = [];
  for (const [keyword, value] of records) {
    if (!keyword.startsWith(xattrPrefix)) continue;
    const name = keyword.slice(xattrPrefix.length).replaceAll('%3D', '=').replaceAll('%25', '%');
    found.push([Buffer.from(name, 'latin1'), value]);
  }
  return found.sort(([one], [other]) => Buffer.compare(one, other));
}
