import { type ScheduleChanged, scheduleChangesPrefix } from '../core/schedules.ts';
import { readEvent } from './journal.ts';
import type { Store } from './store.ts';

/** Every change that was made to a schedule by hand, in no order. Throws `corrupt` when one cannot be read: the others alone would be a lie. */
export async function readScheduleChanges(store: Store): Promise<readonly ScheduleChanged[]> {
  const changes: ScheduleChanged[] = [];
  for await (const { key } of store.list(scheduleChangesPrefix)) {
    const event = await readEvent(store, key);
    if (event.event === 'schedule-changed') changes.push(event);
  }
  return changes;
}
