import { hash, randomUUID } from 'node:crypto';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isUnused, removeUnused } from '../../lib/constructs/remove-unused.ts';

const cache = resolve(import.meta.dirname, '../../.cache/e2e');
const programsFolder = join(cache, 'programs');

/** Where Node keeps what it has compiled of the programs that copies of assemblies have in common. */
export const compiledFolder = join(cache, 'compiled');

/** What lies beside programs and is an installation's own, or is read as it lies there. */
const ownFiles = new Set(['holdfast.json', 'Dockerfile', '.dockerignore']);

/**
 * Copies an assembly for an installation of a test. Its programs are links to files that all copies have in common: so a copy is small, and
 * Node, which knows files by where they really are, compiles a program once for all tests.
 *
 * Invariant: what is linked to is whole, because it is made beside and renamed, and is named after its bytes. What no copy was made of for a day
 * goes, and what Node has compiled and not read for a day.
 */
export function copyAssembly(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (source) => !basename(source).startsWith('asset.') });
  for (const asset of globSync('asset.*/', { cwd: from })) {
    const folder = join(from, asset);
    const shared = sharedPrograms(folder);
    mkdirSync(join(to, asset));
    for (const name of readdirSync(folder)) {
      if (ownFiles.has(name)) cpSync(join(folder, name), join(to, asset, name));
      else symlinkSync(join(shared, name), join(to, asset, name));
    }
  }
}

function sharedPrograms(folder: string): string {
  const files = globSync('**/*', { cwd: folder, exclude: [...ownFiles] }).filter((file) =>
    statSync(join(folder, file)).isFile(),
  );
  const digests = files.sort().map((file) => [file, hash('sha256', readFileSync(join(folder, file)))]);
  const shared = join(programsFolder, hash('sha256', JSON.stringify(digests)).slice(0, 32));
  if (!existsSync(shared)) {
    mkdirSync(programsFolder, { recursive: true });
    removeUnused(readdirSync(programsFolder).map((name) => join(programsFolder, name)));
    removeUnusedFiles(compiledFolder);
    const making = join(programsFolder, `${randomUUID()}.new`);
    for (const file of files) cpSync(join(folder, file), join(making, file));
    try {
      renameSync(making, shared);
    } catch (error) {
      // Another test has made the same meanwhile.
      if (!existsSync(shared)) throw error;
      rmSync(making, { recursive: true });
    }
  }
  const now = new Date();
  utimesSync(shared, now, now);
  return shared;
}

/** Removes the files below the folder that were neither written nor read for a day. */
export function removeUnusedFiles(folder: string): void {
  for (const name of globSync('**/*', { cwd: folder })) {
    const path = join(folder, name);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() && isUnused(Math.max(found.mtimeMs, found.atimeMs))) rmSync(path, { force: true });
  }
}
