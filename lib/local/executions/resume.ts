import { asJsonObject, type Json } from '../json.ts';
import type { PreparedDefinition } from './definition.ts';
import type { ExecutionEvent } from './history.ts';

/** A state that waits for an answer to its token, and since when. */
export type WaitingPlace = { readonly state: string; readonly input: Json; readonly enteredAt: string };

/**
 * The state in which an execution waited for an answer when its events end; undefined when it was doing something else, or waited inside a
 * branch. It may have been entered more than once, by one stack after another: it has waited since the first time.
 */
export function placeOfWaiting(
  { tasks }: Pick<PreparedDefinition, 'tasks'>,
  events: readonly ExecutionEvent[],
): WaitingPlace | undefined {
  const last = events.at(-1);
  const { state } = last ?? {};
  if (last?.type !== 'state-entered' || last.isNested === true || state === undefined) return undefined;
  const isCallback = tasks.some(({ name, resource }) => name === state && resource.endsWith('.waitForTaskToken'));
  if (!isCallback) return undefined;
  const before = events.findLastIndex((event) => event.type !== 'state-entered' || event.state !== state);
  return { state, input: last.input ?? null, enteredAt: events[before + 1]?.at ?? last.at };
}

/** The definition for a state that is entered anew: it has as much time as it had left. */
export function withTimeLeft(
  prepared: PreparedDefinition,
  { state, enteredAt, now }: { readonly state: string; readonly enteredAt: string; readonly now: Date },
): PreparedDefinition {
  const waitedSeconds = Math.floor((now.getTime() - Date.parse(enteredAt)) / 1000);
  const left = (seconds: number): number => Math.max(1, seconds - Math.max(0, waitedSeconds));
  const states = asJsonObject(prepared.definition['States']);
  const waiting = asJsonObject(states[state]);
  return {
    definition: {
      ...prepared.definition,
      States: { ...states, [state]: { ...waiting, TimeoutSeconds: left(Number(waiting['TimeoutSeconds'])) } },
    },
    tasks: prepared.tasks.map((task) =>
      task.name === state ? { ...task, timeoutSeconds: left(task.timeoutSeconds) } : task,
    ),
  };
}
