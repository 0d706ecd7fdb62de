import type { Manifest } from '../core/manifest.ts';
import type { BackupReader } from './engine.ts';

/** What a backup builds on, one on the other, down to the base. */
export async function ancestorsOf(reader: BackupReader): Promise<readonly Manifest[]> {
  const ancestors: Manifest[] = [];
  for (let id = reader.manifest.parent; id !== null; id = ancestors.at(-1)?.parent ?? null)
    ancestors.push(await reader.ancestor(id));
  return ancestors;
}
