import type { BackupId, TargetName } from '../../core/ids.ts';
import { parseBackupKey, prefixes, targetPrefix } from '../../core/object-keys.ts';
import type { Store } from '../../store/store.ts';

/** What lies below the prefix of one backup, published or not. */
export type Contents = {
  readonly target: TargetName;
  readonly id: BackupId;
  /** When the manifest was written, by the store's clock; undefined while there is none. */
  manifestWrittenAt: Date | undefined;
  storedBytes: number;
  /** The newest object of each attempt at it. */
  readonly attempts: Map<string, Date>;
};

/** What the store holds under `backups/`, of one target or of all. */
export async function storeContents(store: Store, target: TargetName | null): Promise<readonly Contents[]> {
  const found = new Map<string, Contents>();
  for await (const { key, sizeBytes, modifiedAt } of store.list(
    target === null ? prefixes.backups : targetPrefix(target),
  )) {
    const named = parseBackupKey(key);
    if (named === undefined) continue;
    const name = `${named.target}/${named.id}`;
    const contents = found.get(name) ?? { ...named, manifestWrittenAt: undefined, storedBytes: 0, attempts: new Map() };
    found.set(name, contents);
    contents.storedBytes += sizeBytes;
    const [, , , attempt = '', ...inside] = key.split('/');
    if (attempt === 'manifest.json' && inside.length === 0) contents.manifestWrittenAt = modifiedAt;
    else if ((contents.attempts.get(attempt) ?? modifiedAt) <= modifiedAt) contents.attempts.set(attempt, modifiedAt);
  }
  return [...found.values()];
}
