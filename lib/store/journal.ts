import { HoldfastError } from '../core/errors.ts';
import { type JournalEvent, journalEventSchema, journalKey } from '../core/journal.ts';
import type { Store } from './store.ts';
import { readText } from './text.ts';

/** The event at a journal key. Throws `corrupt` when what is there is not that event: damaged, misplaced, or of a newer Holdfast. */
export async function readEvent(store: Store, key: string): Promise<JournalEvent> {
  const text = (await readText(store, key)) ?? '';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError('corrupt', `journal entry '${key}' is not JSON`, { cause });
  }
  const parsed = journalEventSchema.safeParse(value);
  if (!parsed.success) {
    throw new HoldfastError('corrupt', `journal entry '${key}' is not an event that this Holdfast knows`, {
      hint: 'was it written by a newer Holdfast? index it with that one',
    });
  }
  // Applied under its own key, an entry under another's would be found unseen for ever.
  if (journalKey(parsed.data) === key) return parsed.data;
  throw new HoldfastError('corrupt', `journal entry '${key}' is that of '${journalKey(parsed.data)}'`);
}
