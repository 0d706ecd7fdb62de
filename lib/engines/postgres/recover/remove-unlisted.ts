import { readdirSync, rmSync } from 'node:fs';
import { isNoFileOfCluster } from './data-folder.ts';

/** Removes the files and folders of an earlier backup that `names`, relative to the folder, do not list; each byte of a name is a character. */
export function removeUnlisted(folder: string, names: ReadonlySet<string>): void {
  removeBelow(Buffer.from(`${folder}/`), '', names);
}

function removeBelow(folder: Buffer, below: string, names: ReadonlySet<string>): void {
  const here = Buffer.concat([folder, Buffer.from(below, 'latin1')]);
  for (const entry of readdirSync(here, { encoding: 'buffer', withFileTypes: true })) {
    const name = below + entry.name.toString('latin1');
    if (below === '' && isNoFileOfCluster(name)) continue;
    if (!names.has(name)) rmSync(Buffer.concat([here, entry.name]), { recursive: true });
    else if (entry.isDirectory()) removeBelow(folder, `${name}/`, names);
  }
}
