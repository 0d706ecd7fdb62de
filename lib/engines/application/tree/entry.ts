import { isUtf8 } from 'node:buffer';
import type { Xattr } from '../native/libc.ts';

/** What a name in a tree stands for. A `hard-link` is another name of a file that came before. Sockets are none: they belong to a process. */
export const entryKinds = ['file', 'folder', 'link', 'hard-link', 'fifo', 'character-device', 'block-device'] as const;
export type EntryKind = (typeof entryKinds)[number];

/** One name in a tree with all that a backup keeps of it beside its content. Names are bytes: not every one is text. */
export type Entry = {
  /** Relative to the tree, without a leading `./`; empty for the tree itself. */
  readonly path: Buffer;
  readonly kind: EntryKind;
  /** Permissions with set-id and sticky bits: the lower twelve bits of `st_mode`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
  /** Where a link points, as it stands there; for a hard link the path of the file's first name in the tree. */
  readonly target?: Buffer;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs: readonly Xattr[];
  /** Has the file holes? They are no part of what it holds: a copy without them is the same. */
  readonly isSparse?: boolean;
  /** What tells a file that was not written to since: device, inode, size and times. Only the source's own entries have it. */
  readonly signature?: string;
};

/** As large as most file systems let a file become, in bytes. What claims to be larger is one hole, and summing it would take hours. */
export const largestFile = 2 ** 44;

/** Bytes as text; undefined when they are no UTF-8. A byte order mark at the beginning of a name belongs to the name. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** A path of a tree as people read it: the tree itself is `.`, and the rest as `shownBytes` has it. */
export const shownPath = (path: Uint8Array): string => (path.length === 0 ? '.' : shownBytes(path));

/** The path that `shownPath` shows so. */
export const pathShown = (shown: string): Buffer => (shown === '.' ? Buffer.alloc(0) : bytesShown(shown));

/** Bytes as people read them: what is no UTF-8, and what would be taken for such an escape, as `\xHH`. */
export function shownBytes(path: Uint8Array): string {
  const text = textOf(path);
  if (text !== undefined) return text.includes('\\') ? text.replaceAll('\\', '\\x5C') : text;
  let shown = '';
  for (const byte of path)
    shown +=
      byte >= 0x20 && byte < 0x7f && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return shown;
}

/** The bytes that `shownBytes` shows so. */
export function bytesShown(shown: string): Buffer {
  const pieces = shown.split(/\\x([0-9A-F]{2})/);
  return Buffer.concat(
    pieces.map((piece, index) => (index % 2 === 1 ? Buffer.from(piece, 'hex') : Buffer.from(piece, 'utf8'))),
  );
}
