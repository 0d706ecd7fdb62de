import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions';
import { HoldfastError } from '../../core/errors.ts';
import { executionArnOf } from '../../core/execution-arn.ts';
import { AwsError } from '../aws-error.ts';
import type { Caller } from '../identities.ts';
import { asJsonObject, type Json } from '../json.ts';
import type { LocalMachine } from '../model.ts';
import { type PreparedDefinition, prepareDefinition } from './definition.ts';
import { type ExecutionEvent, ExecutionHistory, type ExecutionRecord, stackStoppedError } from './history.ts';
import { placeOfWaiting, withTimeLeft } from './resume.ts';
import { type RunEvent, type RunOutcome, runMachine } from './run-machine.ts';
import { isKnownResource, runTaskState, type TaskServices } from './task-handlers.ts';
import { TaskTokens } from './task-tokens.ts';

/** What listeners hear of a running execution. */
export type ExecutionNews =
  | { readonly kind: 'event'; readonly execution: ExecutionRecord; readonly event: ExecutionEvent }
  | { readonly kind: 'progress'; readonly execution: ExecutionRecord; readonly state: string; readonly progress: Json };

type Running = {
  record: ExecutionRecord;
  readonly stop: AbortController;
  readonly ended: Promise<ExecutionRecord>;
  lastEventId: number;
};

type Run = {
  readonly record: ExecutionRecord;
  readonly machine: LocalMachine;
  readonly prepared: PreparedDefinition;
  readonly caller: Caller;
  readonly beginAt: string | undefined;
  readonly input: Json;
  readonly lastEventId: number;
};

const redriveWindowMs = 14 * 24 * 60 * 60 * 1000;

/**
 * The executions of all state machines, as Step Functions keeps them: started once per name, recorded, stopped, redriven.
 *
 * Invariant: an execution is on record as RUNNING only while this process runs it, or while it waits for an answer to a task token, be it that
 * no process runs: such a one is resumed. What an earlier process left RUNNING elsewhere is recorded as failed with
 * `Holdfast.LocalStackStopped` before anything new starts; it can be redriven.
 */
export class Executions {
  readonly #history: ExecutionHistory;
  readonly #services: TaskServices;
  readonly #machines = new Map<
    string,
    { readonly machine: LocalMachine; readonly prepared: PreparedDefinition; readonly caller: Caller }
  >();
  readonly #running = new Map<string, Running>();
  readonly #news = new EventEmitter<{ news: [ExecutionNews] }>();
  /** What executions wait for, and who may answer. */
  readonly tokens = new TaskTokens();
  #records = new Map<string, ExecutionRecord>();
  #isClosing = false;
  readonly #stoppedByDeath: ExecutionRecord[] = [];
  readonly #waiting: Run[] = [];

  private constructor(history: ExecutionHistory, services: TaskServices) {
    this.#history = history;
    this.#services = services;
    this.#news.setMaxListeners(0);
  }

  /** Opens the history in `stateDirectory`. Throws `assembly-unsupported` when a machine cannot be played here. */
  static async open(options: {
    readonly stateDirectory: string;
    readonly machines: readonly LocalMachine[];
    readonly services: TaskServices;
  }): Promise<Executions> {
    const executions = new Executions(new ExecutionHistory(options.stateDirectory), options.services);
    for (const machine of options.machines) executions.#add(machine);
    executions.#records = await executions.#history.load();
    for (const record of executions.#records.values()) {
      if (record.status !== 'RUNNING') continue;
      const waiting = await executions.#waitingIn(record);
      if (waiting === undefined) executions.#stoppedByDeath.push(executions.#recordStopped(record));
      else executions.#waiting.push(waiting);
    }
    return executions;
  }

  /** Goes on with what waited for an answer when the last stack ended: each such state is entered anew, with a new token and the time that it has left. */
  resume(): void {
    for (const waiting of this.#waiting.splice(0)) this.#run(waiting, { isResumed: true });
  }

  /** What was running when the last stack died, and is failed since this start. */
  get stoppedByDeath(): readonly ExecutionRecord[] {
    return this.#stoppedByDeath;
  }

  /** Every state machine, by name. */
  machines(): LocalMachine[] {
    return [...this.#machines.values()]
      .map(({ machine }) => machine)
      .sort((one, other) => one.name.localeCompare(other.name));
  }

  /** The machine of this name or ARN. Throws `StateMachineDoesNotExist`. */
  machine(nameOrArn: string): LocalMachine {
    return this.#entry(nameOrArn).machine;
  }

  /**
   * Starts an execution, or finds the running one of the same name and input. Throws `ExecutionAlreadyExists` when the name was
   * used with another input, or by an execution that has ended.
   */
  start(machineNameOrArn: string, input: string, name: string = randomUUID()): ExecutionRecord {
    if (this.#isClosing) throw new AwsError('ServiceUnavailable', 'the local stack is stopping', 503);
    const { machine, prepared, caller } = this.#entry(machineNameOrArn);
    if (!/^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u.test(name))
      throw new AwsError('InvalidName', `'${name}' is not a name: 80 characters at most, none of them special`);
    const parsed = parseInput(input);
    const arn = executionArnOf(machine.arn, name);
    const existing = this.#records.get(arn);
    if (existing?.status === 'RUNNING' && existing.input === input) return existing;
    if (existing !== undefined) throw new AwsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    const record: ExecutionRecord = {
      name,
      arn,
      machineArn: machine.arn,
      machineName: machine.name,
      status: 'RUNNING',
      input,
      beganAt: new Date().toISOString(),
      redriveCount: 0,
    };
    this.#run({ record, machine, prepared, caller, beginAt: undefined, input: parsed, lastEventId: 0 });
    return record;
  }

  /** Runs an execution that failed again, from the state that failed, with the input that it had. */
  async redrive(arn: string): Promise<ExecutionRecord> {
    const record = this.describe(arn);
    const age = Date.now() - Date.parse(record.endedAt ?? record.beganAt);
    if (record.status === 'RUNNING' || record.status === 'SUCCEEDED' || age > redriveWindowMs || this.#isClosing)
      throw new AwsError('ExecutionNotRedrivable', `Execution is not redrivable: '${arn}' is '${record.status}'`);
    const { machine, prepared, caller } = this.#entry(record.machineArn);
    const events = await this.#history.events(record);
    const last = events.findLast(({ type, isNested }) => type === 'state-entered' && isNested !== true);
    const { endedAt: _, output: __, error: ___, cause: ____, ...rest } = record;
    const redriven: ExecutionRecord = {
      ...rest,
      status: 'RUNNING',
      redriveCount: record.redriveCount + 1,
      redrivenAt: new Date().toISOString(),
    };
    this.#run({
      record: redriven,
      machine,
      prepared,
      caller,
      beginAt: last?.state,
      input: last?.input ?? parseInput(record.input),
      lastEventId: events.at(-1)?.id ?? 0,
    });
    return redriven;
  }

  /** The execution as it stands. Throws `ExecutionDoesNotExist`. */
  describe(arn: string): ExecutionRecord {
    const record = this.#records.get(arn);
    if (record === undefined) throw new AwsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
    return record;
  }

  /** All executions, newest first. */
  list(): ExecutionRecord[] {
    return [...this.#records.values()].sort((a, b) => b.beganAt.localeCompare(a.beganAt));
  }

  async events(arn: string): Promise<ExecutionEvent[]> {
    return this.#history.events(this.describe(arn));
  }

  /** Stops an execution; its task is asked to stop too. Nothing happens to one that has ended. */
  async stop(arn: string): Promise<ExecutionRecord> {
    const running = this.#running.get(this.describe(arn).arn);
    running?.stop.abort();
    return running === undefined ? this.describe(arn) : running.ended;
  }

  /** Resolves when the execution has ended. */
  async waitFor(arn: string): Promise<ExecutionRecord> {
    return this.#running.get(arn)?.ended ?? this.describe(arn);
  }

  /** Calls `listener` with everything that happens from now on; the returned function ends that. */
  listen(listener: (news: ExecutionNews) => void): () => void {
    this.#news.on('news', listener);
    return () => this.#news.off('news', listener);
  }

  /** Passes on what a task says of its progress. It is not recorded: there is too much of it. */
  reportProgress(arn: string, state: string, progress: Json): void {
    const execution = this.#records.get(arn);
    if (execution !== undefined) this.#news.emit('news', { kind: 'progress', execution, state, progress });
  }

  /**
   * Refuses new executions, lets the running ones end within `graceSeconds`, and records the rest as stopped by the stack. What waits for an
   * answer stays as it is, for the next stack to go on with.
   */
  async close(graceSeconds: number): Promise<void> {
    this.#isClosing = true;
    for (const { record, stop } of this.#running.values())
      if (this.tokens.isAwaitedBy(record.arn)) stop.abort(leftWaiting);
    const { promise: graceEnds, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, graceSeconds * 1000);
    await Promise.race([Promise.all([...this.#running.values()].map(({ ended }) => ended)), graceEnds]);
    clearTimeout(timer);
    const left = [...this.#running.values()];
    for (const { stop } of left) stop.abort(stackStoppedError);
    await Promise.all(left.map(({ ended }) => ended));
  }

  #add(machine: LocalMachine): void {
    const prepared = prepareDefinition(machine);
    const strange = prepared.tasks.find(({ resource }) => !isKnownResource(resource));
    if (strange !== undefined)
      throw new HoldfastError(
        'assembly-unsupported',
        `state machine '${machine.name}', state '${strange.name}': the resource '${strange.resource}' is not known to the local stack`,
      );
    // Throws when the definition is not valid ASL.
    new StateMachine(machine.definition as unknown as StateMachineDefinition);
    const caller: Caller = { kind: 'machine', name: machine.name, roleArn: machine.roleArn };
    this.#machines.set(machine.arn, { machine, prepared, caller });
  }

  #entry(nameOrArn: string) {
    const found =
      this.#machines.get(nameOrArn) ?? [...this.#machines.values()].find(({ machine }) => machine.name === nameOrArn);
    if (found === undefined)
      throw new AwsError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${nameOrArn}'`);
    return found;
  }

  /** Where a dead stack's execution goes on, when it waited for an answer to a token. */
  async #waitingIn(record: ExecutionRecord): Promise<Run | undefined> {
    const entry = this.#machines.get(record.machineArn);
    if (entry === undefined) return undefined;
    const events = await this.#history.events(record);
    const place = placeOfWaiting(entry.prepared, events);
    if (place === undefined) return undefined;
    const { state, input, enteredAt } = place;
    const prepared = withTimeLeft(entry.prepared, { state, enteredAt, now: new Date() });
    return { ...entry, record, prepared, beginAt: state, input, lastEventId: events.at(-1)?.id ?? 0 };
  }

  #run(options: Run, { isResumed = false }: { readonly isResumed?: boolean } = {}): void {
    const { record, machine, caller } = options;
    const stop = new AbortController();
    const { promise: ended, resolve } = Promise.withResolvers<ExecutionRecord>();
    const running: Running = { record, stop, ended, lastEventId: options.lastEventId };
    this.#records.delete(record.arn);
    this.#records.set(record.arn, record);
    this.#running.set(record.arn, running);
    if (!isResumed) {
      this.#history.record(record);
      this.#append(running, {
        at: record.redrivenAt ?? record.beganAt,
        type: record.redriveCount === 0 ? 'execution-started' : 'execution-redriven',
      });
    }
    const outcome = runMachine({
      machine,
      prepared: options.prepared,
      beginAt: options.beginAt,
      input: options.input,
      signal: stop.signal,
      execution: {
        Id: record.arn,
        Input: parseInput(record.input),
        Name: record.name,
        RoleArn: machine.roleArn,
        StartTime: record.beganAt,
        RedriveCount: record.redriveCount,
        ...(record.redrivenAt === undefined ? {} : { RedriveTime: record.redrivenAt }),
      },
      runTask: (task, parameters, signal) =>
        runTaskState(
          task,
          {
            machine,
            executionArn: record.arn,
            state: task.name,
            parameters: asJsonObject(parameters),
            signal,
            caller,
          },
          { services: this.#services, tokens: this.tokens },
        ),
      onEvent: (event) => this.#append(running, event),
    });
    void outcome.then((result) => resolve(this.#end(running, result)));
  }

  #end(running: Running, outcome: RunOutcome): ExecutionRecord {
    const endedAt = new Date().toISOString();
    if (outcome.status === 'ABORTED' && running.stop.signal.reason === leftWaiting) {
      this.#running.delete(running.record.arn);
      return running.record;
    }
    const wasStoppedByStack = outcome.status === 'ABORTED' && running.stop.signal.reason === stackStoppedError;
    const result = wasStoppedByStack ? stoppedOutcome : outcome;
    const record: ExecutionRecord = {
      ...running.record,
      status: result.status,
      endedAt,
      ...(result.status === 'SUCCEEDED' ? { output: JSON.stringify(result.output) } : {}),
      ...(result.status === 'FAILED' ? { error: result.error, cause: result.cause } : {}),
    };
    this.#append(running, {
      at: endedAt,
      type: endTypes[result.status],
      ...(result.status === 'SUCCEEDED' ? { output: result.output as never } : {}),
      ...(result.status === 'FAILED' ? { error: result.error, cause: result.cause } : {}),
    });
    this.#history.record(record);
    this.#records.set(record.arn, record);
    this.#running.delete(record.arn);
    return record;
  }

  #append(running: Running, event: RunEvent): void {
    running.lastEventId += 1;
    const numbered = { id: running.lastEventId, ...event };
    this.#history.append(running.record, numbered);
    this.#news.emit('news', { kind: 'event', execution: running.record, event: numbered });
  }

  /** The events of the dead run may lack their end; the record is what counts. */
  #recordStopped(record: ExecutionRecord): ExecutionRecord {
    const { error, cause } = stoppedOutcome;
    const stopped: ExecutionRecord = { ...record, status: 'FAILED', endedAt: new Date().toISOString(), error, cause };
    this.#history.record(stopped);
    this.#records.set(record.arn, stopped);
    return stopped;
  }
}

/** Why an execution is no longer run here, and yet has not ended. */
const leftWaiting = Symbol('left waiting');

const stoppedOutcome = {
  status: 'FAILED',
  error: stackStoppedError,
  cause: 'the local stack ended before the execution did; it can be run again',
} as const;

const endTypes = {
  SUCCEEDED: 'execution-succeeded',
  FAILED: 'execution-failed',
  ABORTED: 'execution-aborted',
  TIMED_OUT: 'execution-timed-out',
} as const satisfies Record<RunOutcome['status'], ExecutionEvent['type']>;

function parseInput(input: string): Json {
  try {
    return JSON.parse(input) as Json;
  } catch {
    throw new AwsError('InvalidExecutionInput', 'the input is not JSON');
  }
}
