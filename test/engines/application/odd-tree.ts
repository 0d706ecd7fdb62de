import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { openLibc } from '../../../lib/engines/application/native/libc.ts';

/** Bytes that no two runs and no two places share, and that are the same every time. */
export function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed * 2654435761 + 1;
  for (let at = 0; at < length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state | 0, Math.min(at, length - 4));
  }
  return bytes;
}

/** A name that is no UTF-8. */
export const oddName = Buffer.from([0x63, 0x61, 0x66, 0xe9]);

/** As much of what file systems can hold as this one does, and this user may make. Returns how many names there are, the tree's own included. */
export function makeOddTree(root: string): number {
  const at = (...names: string[]): string => join(root, ...names);
  const bytes = (name: Buffer): Buffer => Buffer.concat([Buffer.from(`${root}/`), name]);
  const isRoot = process.geteuid?.() === 0;
  let names = 1;
  const file = (path: string | Buffer, content: string | Buffer, mode = 0o644): void => {
    writeFileSync(path, content);
    chmodSync(path, mode);
    names += 1;
  };
  const folder = (path: string, mode = 0o755): void => {
    mkdirSync(path);
    chmodSync(path, mode);
    names += 1;
  };

  file(at('readme.txt'), 'hello\n', 0o640);
  file(at('empty'), '');
  folder(at('bin'));
  file(at('bin', 'run'), '#!/bin/sh\n', 0o4755);
  folder(at('closed'), 0o700);
  file(at('closed', 'secret'), 'x'.repeat(513), 0o400);
  folder(at('nothing'));
  folder(at('large'));
  file(at('large', 'noise.bin'), noise(3 * 1024 * 1024 + 17, 1));
  file(at('large', 'exact.bin'), noise(1024 * 1024, 2));

  // Names that programs trip over.
  folder(at('odd'));
  for (const name of [
    ' ',
    '-h',
    "it's",
    'a "quote"',
    'new\nline',
    'back\\slash',
    'ümläut',
    'x'.repeat(255),
    '...',
    '\\x41',
    '\ufeffmarked',
  ])
    file(at('odd', name), name);
  file(bytes(Buffer.concat([Buffer.from('odd/'), oddName])), 'latin');
  const deep = Array.from({ length: 40 }, () => 'a folder of some length').join('/');
  mkdirSync(at('odd', deep), { recursive: true });
  names += 40;
  file(at('odd', deep, 'at the bottom'), 'deep');

  // Links.
  folder(at('links'));
  symlinkSync('../readme.txt', at('links', 'to-file'));
  symlinkSync('/nowhere/at/all', at('links', 'dangling'));
  symlinkSync('y'.repeat(300), at('links', 'long'));
  // What a path of the tree would be shown as, and a mark that decoders take away.
  symlinkSync('.', at('links', 'here'));
  symlinkSync('\ufeffmarked', at('links', 'marked'));
  linkSync(at('readme.txt'), at('links', 'hard'));
  linkSync(at('large', 'noise.bin'), at('links', 'hard-large'));
  names += 7;

  // Holes: a megabyte of data between two, and nothing but a hole.
  folder(at('sparse'));
  const fd = openSync(at('sparse', 'some'), 'w');
  writeSync(fd, noise(1024 * 1024, 3), 0, 1024 * 1024, 8 * 1024 * 1024);
  ftruncateSync(fd, 32 * 1024 * 1024 + 5);
  closeSync(fd);
  const hole = openSync(at('sparse', 'all'), 'w');
  ftruncateSync(hole, 5 * 1024 * 1024);
  closeSync(hole);
  names += 2;

  execFileSync('mkfifo', [at('fifo')]);
  names += 1;
  if (isRoot) {
    execFileSync('mknod', [at('zero'), 'c', '1', '5']);
    names += 1;
    chownSync(at('bin', 'run'), 1234, 5678);
    chmodSync(at('bin', 'run'), 0o4755);
    chownSync(at('nothing'), 3_000_000_000, 3_000_000_001);
    lchownSync(at('links', 'dangling'), 77, 78);
  }

  const libc = openLibc();
  if (libc) {
    const path = (name: string): Buffer => Buffer.from(`${at(name)}\0`);
    libc.setXattr(path('readme.txt'), Buffer.from('user.comment'), Buffer.from('a value\0 with a zero'));
    libc.setXattr(path('readme.txt'), Buffer.from('user.100%=odd'), Buffer.alloc(2000, 7));
    libc.setXattr(path('bin'), Buffer.from('user.folder'), Buffer.from('f'));
    libc.setTime(path('large/exact.bin'), 1_600_000_000_123_456_789n);
    libc.setTime(path('links/dangling'), -1_500_000_000n);
    libc.setTime(path('nothing'), 1_500_000_000_000_000_000n);
  } else utimesSync(at('nothing'), 1_500_000_000, 1_500_000_000);
  return names;
}

/** A socket in the tree, for as long as it is not closed. */
export function makeSocket(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(path, () => resolve(server));
  });
}
