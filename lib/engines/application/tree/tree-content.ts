import { hash } from 'node:crypto';
import { foldersAndFiles } from '../../../core/content-words.ts';
import type { Content } from '../../../core/manifest.ts';
import { type Lanes, lanesText } from '../../digest/lanes.ts';
import { type Entry, type EntryKind, shownPath } from './entry.ts';

/** What one top-level folder comes to. `unowned` is the digest of the same entries, had they no owner. */
export type FolderSum = {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  readonly owned: Lanes;
  readonly unowned: Lanes;
};

/** A content, and the digests of its folders when owners are left out of account. */
export type TreeContent = { readonly content: Content; readonly unownedDigests: Readonly<Record<string, string>> };

const letters: Readonly<Record<EntryKind, string>> = {
  file: 'f',
  folder: 'd',
  link: 'l',
  'hard-link': 'h',
  fifo: 'p',
  'character-device': 'c',
  'block-device': 'b',
};

/**
 * Sums entries by top-level folder, in any order; the digest is described in docs/formats.md. What lies in the tree itself, and the tree, is in
 * folder `.`.
 */
export class TreeSum {
  readonly #folders = new Map<string, Sum>();
  readonly #folderOf = folderNames();

  /** `digest` is the SHA-256 of a file's content, or of what stands for it; none for all but files. */
  add(entry: Entry, digest: Uint8Array | undefined): void {
    this.#sum(entry, digest, 1);
  }

  /** Takes back what was added before. */
  remove(entry: Entry, digest: Uint8Array | undefined): void {
    this.#sum(entry, digest, -1);
  }

  /** Adds what another has summed. */
  addAll(sums: Iterable<FolderSum>): void {
    for (const sum of sums) this.#addSum(sum);
  }

  sums(): FolderSum[] {
    return [...this.#folders.values()].map(({ owned, unowned, ...sum }) => ({
      ...sum,
      owned: [owned[0], owned[1]],
      unowned: [unowned[0], unowned[1]],
    }));
  }

  content(): TreeContent {
    const taken = this.sums().filter(({ files }) => files > 0);
    const folders = (taken.length > mostFolders ? asOne(taken) : taken).sort((one, other) =>
      one.folder < other.folder ? -1 : 1,
    );
    return {
      content: {
        // Everything that has a name is counted as a file, folders and links too.
        words: foldersAndFiles,
        tables: folders.map(({ folder, files, bytes, owned }) => ({
          schema: '',
          name: folder,
          rows: files,
          bytes,
          digest: lanesText(owned),
        })),
      },
      unownedDigests: Object.fromEntries(folders.map(({ folder, unowned }) => [folder, lanesText(unowned)])),
    };
  }

  #sum(entry: Entry, digest: Uint8Array | undefined, sign: 1 | -1): void {
    const record = hash('sha256', recordOf(entry, digest), 'buffer');
    // Times an odd number, no two records become the same, and a record stays tied to its owner.
    const owner = BigInt(entry.uid) * 0x2_0000_0000n + BigInt(entry.gid) * 2n + 1n;
    const sum = this.#sumOf(this.#folderOf(entry));
    sum.files += sign;
    sum.bytes += sign * entry.size;
    add(sum.owned, record, 16, sign === 1 ? owner : -owner);
    add(sum.unowned, record, 0, sign === 1 ? 1n : -1n);
  }

  #addSum({ folder, files, bytes, owned, unowned }: FolderSum): void {
    const sum = this.#sumOf(folder);
    sum.files += files;
    sum.bytes += bytes;
    for (const lane of [0, 1] as const) {
      sum.owned[lane] = BigInt.asUintN(64, sum.owned[lane] + owned[lane]);
      sum.unowned[lane] = BigInt.asUintN(64, sum.unowned[lane] + unowned[lane]);
    }
  }

  #sumOf(folder: string): Sum {
    let sum = this.#folders.get(folder);
    if (sum === undefined) {
      sum = { folder, files: 0, bytes: 0, owned: [0n, 0n], unowned: [0n, 0n] };
      this.#folders.set(folder, sum);
    }
    return sum;
  }
}

/** A `FolderSum` in the making. */
type Sum = {
  readonly folder: string;
  files: number;
  bytes: number;
  owned: [bigint, bigint];
  unowned: [bigint, bigint];
};

function add(lanes: [bigint, bigint], digest: Buffer, at: number, factor: bigint): void {
  lanes[0] = BigInt.asUintN(64, lanes[0] + digest.readBigUInt64BE(at) * factor);
  lanes[1] = BigInt.asUintN(64, lanes[1] + digest.readBigUInt64BE(at + 8) * factor);
}

/** A manifest lists so many folders at most; of a tree with more, only the whole. */
const mostFolders = 1000;

function asOne(sums: readonly FolderSum[]): FolderSum[] {
  const whole = new TreeSum();
  whole.addAll(sums.map((sum) => ({ ...sum, folder: '.' })));
  return whole.sums();
}

/** Gives the top-level folder of entries, which often is that of the entry before. */
function folderNames(): (entry: Entry) => string {
  let last = { bytes: Buffer.alloc(0), name: '' };
  return ({ path, kind }) => {
    const slash = path.indexOf(0x2f);
    if (slash < 0) return kind === 'folder' ? shownPath(path) : '.';
    if (last.bytes.length !== slash || last.bytes.compare(path, 0, slash) !== 0) {
      const bytes = Buffer.from(path.subarray(0, slash));
      last = { bytes, name: shownPath(bytes) };
    }
    return last.name;
  };
}

let scratch = Buffer.alloc(16 * 1024);

/** The bytes that stand for an entry in its folder's digest: fields, each as its length in four bytes and then itself. */
function recordOf(entry: Entry, digest: Uint8Array | undefined): Uint8Array {
  const fields: (string | Uint8Array)[] = [
    letters[entry.kind],
    entry.path,
    entry.kind === 'link' ? '777' : entry.mode.toString(8),
    timeText(entry.mtime),
    String(entry.size),
    entry.target ?? '',
    entry.device ? `${entry.device.major}:${entry.device.minor}` : '',
    digest ?? '',
    ...entry.xattrs.flat(),
  ];
  let length = 0;
  for (const field of fields) length += 4 + field.length;
  if (length > scratch.length) scratch = Buffer.alloc(length * 2);
  let at = 0;
  for (const field of fields) {
    at = scratch.writeUInt32LE(field.length, at);
    if (typeof field === 'string') scratch.write(field, at, 'latin1');
    else scratch.set(field, at);
    at += field.length;
  }
  return scratch.subarray(0, at);
}

let lastTime = { nanoseconds: 0n, text: '0.000000000' };

/** Seconds since 1970 with nine digits after the point. */
export function timeText(nanoseconds: bigint): string {
  // An entry's time is told more than once.
  if (nanoseconds !== lastTime.nanoseconds) lastTime = { nanoseconds, text: secondsText(nanoseconds) };
  return lastTime.text;
}

function secondsText(nanoseconds: bigint): string {
  const billion = 1_000_000_000n;
  const magnitude = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const text = `${magnitude / billion}.${String(magnitude % billion).padStart(9, '0')}`;
  return nanoseconds < 0n ? `-${text}` : text;
}
