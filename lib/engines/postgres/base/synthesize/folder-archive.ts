import type { Stats } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { archiveEnd, padding, paxHeaders } from '../../../application/tar/pax-header.ts';
import type { Entry, EntryKind } from '../../../application/tree/entry.ts';

const readBytes = 1024 * 1024;

export type FolderArchive = {
  /** Paths of files that are left out, relative to the folder. */
  readonly without?: readonly string[];
  /** Of files, the one that comes last: without it nothing starts on what was unpacked in part. */
  readonly last?: string;
};

/**
 * A folder of a cluster as the server archives one: names in order, each with mode, owner and time. Links are left out: they lead to tablespaces, of
 * which `tablespace_map` tells. Each chunk is the reader's own. A file that ends early has the reading fail.
 */
export async function* archiveFolder(folder: string, options: FolderArchive = {}): AsyncGenerator<Uint8Array, void> {
  const { without = [], last } = options;
  for await (const name of namesBelow(folder, '')) {
    if (without.includes(name) || name === last) continue;
    yield* archived(folder, name);
  }
  if (last !== undefined) yield* archived(folder, last);
  yield archiveEnd();
}

/** Each folder before what is in it. */
async function* namesBelow(folder: string, below: string): AsyncGenerator<string, void> {
  const entries = await readdir(path.join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    yield name;
    if (entry.isDirectory()) yield* namesBelow(folder, name);
  }
}

async function* archived(folder: string, name: string): AsyncGenerator<Uint8Array, void> {
  const file = path.join(folder, name);
  const found = await lstat(file);
  if (found.isSymbolicLink()) return;
  if (found.isDirectory()) {
    yield paxHeaders(entryOf(name, 'folder', found));
    return;
  }
  yield paxHeaders(entryOf(name, 'file', found));
  yield* contentOf(file, found.size);
  if (found.size % 512 !== 0) yield padding(found.size);
}

async function* contentOf(file: string, size: number): AsyncGenerator<Uint8Array, void> {
  await using handle = await open(file, 'r');
  for (let at = 0; at < size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(readBytes, size - at));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw new Error(`'${file}' ends after ${at} of ${size} bytes`);
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

const entryOf = (name: string, kind: EntryKind, { mode, uid, gid, mtimeMs, size }: Stats): Entry => ({
  path: Buffer.from(name),
  kind,
  mode: mode & 0o7777,
  uid,
  gid,
  // Whole seconds need no extended header.
  mtime: BigInt(Math.floor(mtimeMs / 1000)) * 1_000_000_000n,
  size: kind === 'file' ? size : 0,
  xattrs: [],
});
