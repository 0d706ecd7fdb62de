import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs';
import type { Libc, Xattr } from '../native/libc.ts';
import type { Entry, EntryKind } from './entry.ts';

const zero = Buffer.alloc(1);
const slash = Buffer.from('/');

/** The absolute path of `path` in the tree at `root`. */
export const pathIn = (root: Uint8Array, path: Uint8Array): Buffer =>
  path.length === 0 ? Buffer.from(root) : Buffer.concat([root, slash, path]);

/** A path as the C library takes it. */
export const terminated = (path: Uint8Array): Buffer => Buffer.concat([path, zero]);

/** What stands at a path now: an entry, and what tells whether it is still the same later. */
export type Seen = { readonly entry: Entry; readonly stats: BigIntStats };

/** Looks at a path; undefined for a socket. Throws the system's own errors. */
export function readEntry(root: Uint8Array, path: Buffer, libc: Libc | undefined): Seen | undefined {
  const absolute = pathIn(root, path);
  const stats = lstatSync(absolute, { bigint: true });
  const kind = kindOf(stats);
  if (kind === undefined) return undefined;
  return { entry: entryOf({ path, kind, stats, absolute, libc }), stats };
}

/** The entry of a path that was looked at. */
export function entryOf({
  path,
  kind,
  stats,
  absolute,
  libc,
}: {
  readonly path: Buffer;
  readonly kind: EntryKind;
  readonly stats: BigIntStats;
  readonly absolute: Buffer;
  readonly libc: Libc | undefined;
}): Entry {
  return {
    path,
    kind,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtime: stats.mtimeNs,
    size: kind === 'file' ? Number(stats.size) : 0,
    ...(kind === 'file' && { isSparse: hasHoles(stats), signature: signatureOf(stats) }),
    ...(kind === 'link' && { target: readlinkSync(absolute, 'buffer') }),
    ...((kind === 'character-device' || kind === 'block-device') && { device: deviceOf(stats.rdev) }),
    xattrs: libc === undefined ? noXattrs : libc.xattrs(terminated(absolute)),
  };
}

const noXattrs: readonly Xattr[] = [];

/** What a file's times, size and place say it is; one that says the same later was not written to in between. */
export const signatureOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;

export const isSameFile = (one: BigIntStats, other: BigIntStats): boolean =>
  one.ctimeNs === other.ctimeNs &&
  one.mtimeNs === other.mtimeNs &&
  one.size === other.size &&
  one.ino === other.ino &&
  one.dev === other.dev;

/** Fewer blocks than its length needs: some of it was never written. */
const hasHoles = ({ blocks, size }: BigIntStats): boolean => blocks * 512n < size;

function kindOf(stats: BigIntStats): EntryKind | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'character-device';
  if (stats.isBlockDevice()) return 'block-device';
  return undefined;
}

function deviceOf(rdev: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)),
  };
}
