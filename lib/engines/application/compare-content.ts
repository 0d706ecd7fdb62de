import { foldersAndFiles } from '../../core/content-words.ts';
import type { Content } from '../../core/manifest.ts';
import type { Comparison } from '../engine.ts';
import type { TreeContent } from './tree/tree-content.ts';

/**
 * One sentence per folder that differs. With `ownersMatter` false, owners that differ are a remark: who is not root can restore none but his own.
 */
export function compareTrees(
  expected: Content | undefined,
  expectedUnowned: Readonly<Record<string, string>>,
  actual: TreeContent,
  { ownersMatter = true }: { readonly ownersMatter?: boolean } = {},
): Comparison {
  const differences: string[] = [];
  const remarks: string[] = [];
  const found = new Map(actual.content.tables.map((entry) => [entry.name, entry]));
  for (const { name, rows, bytes, digest } of expected?.tables ?? []) {
    const live = found.get(name);
    found.delete(name);
    const folder = name === '.' ? 'the tree itself' : `folder '${name}'`;
    if (live === undefined) differences.push(`${folder} is missing`);
    else if (live.rows !== rows) differences.push(`${folder} has ${live.rows} files, in the backup ${rows}`);
    else if (live.bytes !== bytes) differences.push(`${folder} has ${live.bytes} bytes, in the backup ${bytes}`);
    else if (live.digest !== digest && actual.unownedDigests[name] === expectedUnowned[name])
      (ownersMatter ? differences : remarks).push(`${folder} has other owners in its ${rows} files`);
    else if (live.digest !== digest) differences.push(`${folder} has other content or properties in its ${rows} files`);
  }
  for (const name of found.keys()) differences.push(`folder '${name}' is not in the backup`);
  const tables = expected?.tables ?? [];
  return {
    same: differences.length === 0,
    words: foldersAndFiles,
    proof: 'compared',
    collectionsCompared: tables.length,
    itemsCompared: tables.reduce((sum, { rows }) => sum + rows, 0),
    differences,
    remarks,
  };
}
