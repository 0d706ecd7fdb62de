import pLimit from 'p-limit';
import type { BackupId, TargetName } from '../../core/ids.ts';
import { backupPrefix } from '../../core/object-keys.ts';
import type { Store } from '../../store/store.ts';

const atATime = 16;

/** Sets or lifts the store's own legal hold of all objects of a backup. False where the store has none. */
export async function holdObjects(
  store: Store,
  { target, id, isHeld }: { readonly target: TargetName; readonly id: BackupId; readonly isHeld: boolean },
): Promise<boolean> {
  const limit = pLimit(atATime);
  const held: Promise<boolean>[] = [];
  for await (const { key } of store.list(backupPrefix(target, id)))
    held.push(limit(() => store.setLegalHold(key, isHeld)));
  return (await Promise.all(held)).every(Boolean);
}
