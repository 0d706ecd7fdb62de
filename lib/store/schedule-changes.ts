import { journalPrefix } from '../core/object-keys.ts';
import { type ScheduleChanged, scheduleChangesPrefix, scheduleOperation } from '../core/schedules.ts';
import { readEvent } from './journal.ts';
import type { Store } from './store.ts';

/** Every change that was made to schedules by hand, or to the one of that name, in no order. Throws `corrupt` when one cannot be read: the others alone would be a lie. */
export async function readScheduleChanges(store: Store, of?: string): Promise<readonly ScheduleChanged[]> {
  const changes: ScheduleChanged[] = [];
  const prefix = of === undefined ? scheduleChangesPrefix : journalPrefix(scheduleOperation(of));
  for await (const { key } of store.list(prefix)) {
    const event = await readEvent(store, key);
    // The operation is no more than a hash of the name.
    if (event.event === 'schedule-changed' && (of === undefined || event.schedule === of)) changes.push(event);
  }
  return changes;
}
