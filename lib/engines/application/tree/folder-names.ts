import type { OpenDirOptions } from 'node:fs';
import { opendir, readdir } from 'node:fs/promises';

/** A name in a folder. */
export type FolderName = { readonly name: Buffer; readonly isFolder: boolean };

/**
 * A folder of so many bytes by its own account may have very many names: thousands on most file systems, and on one that counts names instead of
 * bytes so many.
 */
const largeBytes = 65_536;
/** So many names are sorted at a time. */
const runNames = 65_536;

/**
 * The names in a folder that says it is of that size, in the order of their bytes. Of a large one they are kept one behind the other, so that each
 * takes two bytes more than it has, and not eight hundred. Rejects with the system's own errors.
 */
export async function readNames(folder: Buffer, sizeBytes: bigint): Promise<Iterator<FolderName>> {
  if (sizeBytes >= largeBytes) return merged(await readRuns(folder));
  const entries = await readdir(folder, { encoding: 'buffer', withFileTypes: true });
  return entries
    .sort((one, other) => Buffer.compare(one.name, other.name))
    .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
    .values();
}

/** Sorted names, some at a time: each ends with a zero byte, a `d` when it is a folder's, and a slash. No name has either byte. */
async function readRuns(folder: Buffer): Promise<Buffer[]> {
  const runs: Buffer[] = [];
  let names: string[] = [];
  const endRun = (): void => {
    // As Latin-1 each character is a byte, and the order of strings is that of their bytes.
    runs.push(Buffer.from(names.sort().join(''), 'latin1'));
    names = [];
  };
  // The types of Node do not know that names can be bytes here, too.
  const options = { encoding: 'buffer', bufferSize: 1024 } as unknown as OpenDirOptions;
  for await (const entry of await opendir(folder, options)) {
    const name = entry.name as unknown as Buffer;
    names.push(`${name.toString('latin1')}\0${entry.isDirectory() ? 'd' : ''}/`);
    if (names.length === runNames) endRun();
  }
  endRun();
  return runs;
}

function* merged(runs: readonly Buffer[]): Generator<FolderName, undefined> {
  const heads = runs.flatMap((run) => {
    const names = namesIn(run);
    const { value } = names.next();
    return value === undefined ? [] : [{ names, value }];
  });
  while (heads.length > 0) {
    const least = heads.reduce((one, other) => (Buffer.compare(other.value.name, one.value.name) < 0 ? other : one));
    yield least.value;
    const { value } = least.names.next();
    if (value === undefined) heads.splice(heads.indexOf(least), 1);
    else least.value = value;
  }
}

function* namesIn(run: Buffer): Generator<FolderName, undefined> {
  for (let at = 0; at < run.length; ) {
    const zero = run.indexOf(0, at);
    const end = run.indexOf(0x2f, zero);
    yield { name: Buffer.from(run.subarray(at, zero)), isFolder: end - zero === 2 };
    at = end + 1;
  }
}
