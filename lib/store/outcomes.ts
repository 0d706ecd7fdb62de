import type { BackupId } from '../core/ids.ts';
import { outcomePrefix } from '../core/object-keys.ts';
import { type Outcome, outcomeSchema } from '../core/outcome.ts';
import type { Store } from './store.ts';
import { readJson } from './text.ts';

/** What the last attempt that could speak said of itself. Words that cannot be read are as good as none. */
export async function newestOutcome(store: Store, operation: BackupId): Promise<Outcome | undefined> {
  const outcomes: Outcome[] = [];
  for await (const { key } of store.list(outcomePrefix(operation))) {
    const parsed = outcomeSchema.safeParse(await readJson(store, key));
    if (parsed.success) outcomes.push(parsed.data);
  }
  return outcomes.toSorted((a, b) => a.endedAt.localeCompare(b.endedAt)).at(-1);
}
