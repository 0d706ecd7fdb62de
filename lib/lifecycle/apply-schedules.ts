import {
  GetScheduleCommand,
  type GetScheduleCommandOutput,
  ResourceNotFoundException,
  type SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { schedulerCron } from '../core/schedule-expression.ts';
import type { ScheduleState } from '../core/schedules.ts';

/** What became of a schedule: made to fire as it should, found so, or not there (not deployed yet, or deleted by hand). */
export type Applied = 'updated' | 'unchanged' | 'missing';

/** A definition that was written is looked at again so often at most: no service that shortens or reorders what it is sent keeps us here. */
const mostRounds = 5;

/**
 * Makes EventBridge Scheduler's definitions of the named schedules say what is `inForce`, and gives the names by what became of them. Repeats
 * without harm; a crash before an update leaves the old times, and the next application puts them right.
 *
 * Invariant: who changes a schedule writes the journal first, and then applies it, as this does. So what is in force is read after the definitions
 * were, and is at least as new as they are; and a definition that was written is looked at again, in case another change was made, and applied,
 * between the reading and the writing. Whoever writes last has seen what is in force since (or has given up after `mostRounds`, which takes a
 * change during each of them; the next application puts that right).
 */
export async function applySchedules(
  scheduler: SchedulerClient,
  group: string,
  names: readonly string[],
  inForce: () => Promise<readonly ScheduleState[]>,
): Promise<Readonly<Record<Applied, readonly string[]>>> {
  const became = new Map<string, Applied>();
  let left = names;
  for (let round = 1; left.length > 0 && round <= mostRounds; round++) {
    const definitions = new Map<string, Definition | undefined>();
    for (const name of left) definitions.set(name, await definitionOf(scheduler, group, name));
    const written: string[] = [];
    for (const state of await inForce()) {
      const { name } = state;
      if (!definitions.has(name)) continue;
      const definition = definitions.get(name);
      if (definition === undefined) became.set(name, 'missing');
      else if (isAsWanted(definition, state)) became.set(name, became.get(name) ?? 'unchanged');
      else if (await write(scheduler, group, state)) {
        became.set(name, 'updated');
        written.push(name);
      } else became.set(name, 'missing');
    }
    left = written;
  }
  const all = [...became.keys()];
  const thatAre = (what: Applied): readonly string[] => all.filter((name) => became.get(name) === what);
  return { updated: thatAre('updated'), unchanged: thatAre('unchanged'), missing: thatAre('missing') };
}

type Definition = Omit<GetScheduleCommandOutput, 'Arn' | 'CreationDate' | 'LastModificationDate' | '$metadata'>;

async function definitionOf(scheduler: SchedulerClient, group: string, name: string): Promise<Definition | undefined> {
  try {
    const found = await scheduler.send(new GetScheduleCommand({ GroupName: group, Name: name }));
    const { Arn: _, CreationDate: __, LastModificationDate: ___, $metadata: ____, ...definition } = found;
    return definition;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

const wantedOf = (state: ScheduleState) =>
  ({
    ScheduleExpression: schedulerCron(state.cron),
    ScheduleExpressionTimezone: state.timezone,
    State: state.enabled ? 'ENABLED' : 'DISABLED',
  }) as const;

function isAsWanted(definition: Definition, state: ScheduleState): boolean {
  const wanted = wantedOf(state);
  return (Object.keys(wanted) as (keyof typeof wanted)[]).every((name) => definition[name] === wanted[name]);
}

/**
 * UpdateSchedule replaces a definition whole, so everything else is sent back as it is found, right before: a deployment may have changed it.
 * False when it is gone.
 */
async function write(scheduler: SchedulerClient, group: string, state: ScheduleState): Promise<boolean> {
  const definition = await definitionOf(scheduler, group, state.name);
  if (definition === undefined) return false;
  const { Target, FlexibleTimeWindow } = definition;
  const kept = { ...definition, ...wantedOf(state), GroupName: group, Name: state.name, Target, FlexibleTimeWindow };
  await scheduler.send(new UpdateScheduleCommand(kept));
  return true;
}
