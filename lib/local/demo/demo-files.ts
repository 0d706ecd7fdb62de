import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const uploads = 200;

/**
 * Makes the tree of the demo's second target unless it is there: the folder of a small web shop, with what folders have beside files. It is the
 * same on every machine.
 *
 * Invariant: a folder of that name is whole. It is made under another name first, which a crash may leave and the next start makes anew.
 */
export function makeDemoFiles(folder: string): void {
  if (existsSync(folder)) return;
  const making = `${folder}.making`;
  rmSync(making, { recursive: true, force: true });
  const at = (...names: string[]): string => join(making, ...names);
  const file = (path: string, content: string | Buffer, mode = 0o644): void => {
    writeFileSync(path, content);
    chmodSync(path, mode);
    // A moment of their own, so that the digests are the same everywhere.
    utimesSync(path, 1_795_200_000, 1_795_200_000.25);
  };
  for (const name of ['bin', 'config', 'uploads', 'releases/1.0', 'releases/1.1'])
    mkdirSync(at(name), { recursive: true });
  file(at('bin', 'serve'), '#!/bin/sh\nexec node ../current/server.js\n', 0o755);
  file(at('config', 'shop.yaml'), 'database: shop\ncurrency: EUR\n');
  file(at('config', 'session.key'), 'not really a key\n', 0o600);
  for (const release of ['1.0', '1.1']) file(at('releases', release, 'server.js'), `console.log('shop ${release}');\n`);
  symlinkSync('releases/1.1', at('current'));
  for (let index = 0; index < uploads; index++) file(at('uploads', `picture ${index}.jpg`), pictureOf(index));
  linkSync(at('uploads', 'picture 0.jpg'), at('uploads', 'größer als sonst.jpg'));
  renameSync(making, folder);
}

/** Bytes that compress as little as a picture's do. */
function pictureOf(index: number): Buffer {
  const bytes = Buffer.alloc(8_000 + ((index * 7919) % 40_000));
  let state = index * 2_654_435_761 + 1;
  for (let at = 0; at < bytes.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}
