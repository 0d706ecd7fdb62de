import {
  ExecutionAbortedError,
  ExecutionTimeoutError,
  StateMachine,
  type StateMachineDefinition,
} from 'aws-local-stepfunctions';
import type { Json, JsonObject } from '../json.ts';
import type { LocalMachine } from '../model.ts';
import type { PreparedDefinition, TaskState } from './definition.ts';
import type { ExecutionEvent } from './history.ts';
import { stateError } from './state-error.ts';

/** An event of a run, before it has its number. */
export type RunEvent = Omit<ExecutionEvent, 'id'>;

export type RunOutcome =
  | { readonly status: 'SUCCEEDED'; readonly output: Json }
  | { readonly status: 'FAILED'; readonly error: string; readonly cause: string }
  | { readonly status: 'TIMED_OUT' | 'ABORTED' };

export type MachineRun = {
  readonly machine: LocalMachine;
  readonly prepared: PreparedDefinition;
  /** Where to begin when it is not at the beginning: a redrive. */
  readonly beginAt: string | undefined;
  /** The input of the state that it begins at. */
  readonly input: Json;
  /** What the context object says of the execution: Id, Input, Name, RedriveCount, StartTime. */
  readonly execution: JsonObject;
  readonly runTask: (task: TaskState, parameters: Json, signal: AbortSignal) => Promise<Json>;
  /** Stops the run. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
};

/** Runs a machine's definition with the ASL interpreter. Never rejects; all events are delivered before it resolves. */
export async function runMachine(run: MachineRun): Promise<RunOutcome> {
  const { machine, prepared } = run;
  // The definition was checked when the stack opened; a redrive's has states that cannot be reached, which is no fault.
  const interpreter = new StateMachine(
    {
      ...prepared.definition,
      StartAt: run.beginAt ?? prepared.definition['StartAt'],
    } as unknown as StateMachineDefinition,
    { validationOptions: { noValidate: true } },
  );
  // Fires when the run has ended, so that a task whose execution timed out is stopped too.
  const ended = new AbortController();
  const stopTasks = AbortSignal.any([run.signal, ended.signal]);
  const handlers = prepared.tasks.map((task) => [
    task.name,
    (parameters: unknown) => withTimeout(run, task, parameters as Json, stopTasks),
  ]);
  const running = interpreter.run(run.input as never, {
    overrides: { taskResourceLocalHandlers: Object.fromEntries(handlers) },
    context: { Run: run.execution, StateMachine: { Id: machine.arn, Name: machine.name } },
  });
  const abort = (): void => running.abort();
  run.signal.addEventListener('abort', abort, { once: true });
  if (run.signal.aborted) abort();
  const outcome = running.result.then(
    (output): RunOutcome => ({ status: 'SUCCEEDED', output: output as Json }),
    (error: unknown) => outcomeOf(error),
  );
  try {
    let depth = 0;
    for await (const event of running.eventLogs) {
      if (event.type === 'MapIterationStarted' || event.type === 'ParallelBranchStarted') depth++;
      if (/^(MapIteration|ParallelBranch)(Succeeded|Failed)$/.test(event.type)) depth--;
      const type = stateEventTypes[event.type];
      if (type !== undefined && 'state' in event) run.onEvent({ ...describe(event, type), isNested: depth > 0 });
    }
    return await outcome;
  } finally {
    ended.abort();
    run.signal.removeEventListener('abort', abort);
  }
}

const stateEventTypes: Readonly<Record<string, RunEvent['type']>> = {
  StateEntered: 'state-entered',
  StateExited: 'state-exited',
  StateFailed: 'state-failed',
  StateRetried: 'state-retried',
  StateCaught: 'state-caught',
};

type InterpreterEvent = {
  readonly timestamp: number;
  readonly state: { readonly name: string; readonly type: string; readonly input: unknown; readonly output?: unknown };
  readonly Error?: string;
  readonly Cause?: unknown;
};

function describe(event: InterpreterEvent, type: RunEvent['type']): RunEvent {
  const { state } = event;
  return {
    at: new Date(event.timestamp).toISOString(),
    type,
    state: state.name,
    stateType: state.type,
    ...(type === 'state-entered' ? { input: state.input as Json } : {}),
    ...(type === 'state-exited' ? { output: (state.output ?? null) as Json } : {}),
    ...(event.Error === undefined ? {} : { error: event.Error, cause: String(event.Cause ?? '') }),
  } as RunEvent;
}

/** The interpreter raises `States.Timeout` by itself, and leaves the work going on: here it is told to stop. */
async function withTimeout(run: MachineRun, task: TaskState, parameters: Json, stopTasks: AbortSignal): Promise<Json> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), task.timeoutSeconds * 1000);
  try {
    return await run.runTask(task, parameters, AbortSignal.any([stopTasks, timeout.signal]));
  } catch (error) {
    // What a stopped task says must not come before the interpreter's own timer, which is about to fire.
    if (timeout.signal.aborted) return new Promise(() => undefined);
    // The interpreter takes the causes of causes for part of the error; only name and message go on.
    throw error instanceof Error ? stateError(error.name, error.message) : stateError('States.TaskFailed', '');
  } finally {
    clearTimeout(timer);
  }
}

function outcomeOf(error: unknown): RunOutcome {
  if (error instanceof ExecutionTimeoutError) return { status: 'TIMED_OUT' };
  if (error instanceof ExecutionAbortedError) return { status: 'ABORTED' };
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return { status: 'FAILED', error: 'States.Runtime', cause: String(cause) };
  return { status: 'FAILED', error: cause.name, cause: cause.message };
}
