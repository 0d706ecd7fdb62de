import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import type { HoldfastConfig } from '../config/config.ts';
import { schedulesOf } from '../config/schedules.ts';
import { HoldfastError } from '../core/errors.ts';
import { journalKey } from '../core/journal.ts';
import {
  type ScheduleChanged,
  type ScheduleEntry,
  type ScheduleState,
  scheduleOperation,
  schedulesInForce,
} from '../core/schedules.ts';
import { readScheduleChanges } from '../store/schedule-changes.ts';
import type { Store } from '../store/store.ts';
import { putJson } from '../store/text.ts';
import { type Applied, applySchedules } from './apply-schedules.ts';
import type { Recorder } from './recorder.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly recorder: Recorder;
  readonly scheduler: SchedulerClient;
  readonly clock: () => Date;
};

/** A wish to change a schedule. */
export type ScheduleWish = Pick<ScheduleChanged, 'schedule' | 'set' | 'change' | 'requestedBy'>;

/** How often somebody else's change of the same schedule may come in between. */
const mostTries = 10;

/** The configured schedule of that name. Throws `schedule-unknown`. */
export function requireSchedule(config: HoldfastConfig, name: string): ScheduleEntry {
  const found = schedulesOf(config).find((entry) => entry.name === name);
  if (found) return found;
  throw new HoldfastError('schedule-unknown', `no schedule is called '${name}'`);
}

/**
 * Changes a schedule, or resets it to the configuration, and gives it as it is then in force.
 *
 * Invariant: the journal says what is in force, and Scheduler follows it. The change is written first (a crash leaves Scheduler behind, which the
 * next application, every quarter of an hour and at every deployment, puts right), then applied, then told to the catalog. The same wish (`change`)
 * asked for twice is one change.
 */
export async function changeSchedule(
  dependencies: Dependencies,
  wish: ScheduleWish,
): Promise<ScheduleState & { readonly applied: Applied }> {
  const { config, store, recorder, scheduler } = dependencies;
  const entry = requireSchedule(config, wish.schedule);
  const event = await writeChange(dependencies, wish);
  let state: ScheduleState | undefined;
  const { updated, missing } = await applySchedules(scheduler, config.aws.name, [entry.name], async () => {
    const states = schedulesInForce([entry], await readScheduleChanges(store, entry.name));
    [state] = states;
    return states;
  });
  await recorder.record(event);
  if (state === undefined) throw new HoldfastError('internal', `schedule '${wish.schedule}' has no state`);
  return { ...state, applied: missing.length > 0 ? 'missing' : updated.length > 0 ? 'updated' : 'unchanged' };
}

/** Each change is later than those before it, whatever the clocks of those who make them say: the last one made is the last one told. */
async function writeChange({ config, store, clock }: Dependencies, wish: ScheduleWish): Promise<ScheduleChanged> {
  for (let tries = 1; tries <= mostTries; tries++) {
    const known = await readScheduleChanges(store, wish.schedule);
    const standing = known.find(({ change }) => change === wish.change);
    if (standing) return standing;
    const latest = Math.max(0, ...known.map(({ at }) => Date.parse(at) + 1));
    const event: ScheduleChanged = {
      event: 'schedule-changed',
      operation: scheduleOperation(wish.schedule),
      at: new Date(Math.max(clock().getTime(), latest)).toISOString(),
      tenant: requireSchedule(config, wish.schedule).tenant,
      ...wish,
    };
    if (await putJson(store, journalKey(event), event, { condition: 'absent' })) return event;
  }
  throw new HoldfastError('store-unavailable', `schedule '${wish.schedule}' was changed ${mostTries} times in a row`);
}
