import { join } from 'node:path';
import * as z from 'zod';
import { JsonLines } from '../json-lines.ts';

/** What happened in an execution, in order. Times are UTC; inputs and outputs hold ids and counts, never secrets. */
export const executionEventSchema = z.object({
  id: z.number().int().positive(),
  at: z.iso.datetime(),
  type: z.enum([
    'execution-started',
    'execution-redriven',
    'execution-succeeded',
    'execution-failed',
    'execution-aborted',
    'execution-timed-out',
    'state-entered',
    'state-exited',
    'state-failed',
    'state-retried',
    'state-caught',
  ]),
  state: z.string().optional(),
  stateType: z.string().optional(),
  /** Set for states inside a branch or an iteration, which a redrive cannot begin at. */
  isNested: z.boolean().optional(),
  input: z.json().optional(),
  output: z.json().optional(),
  error: z.string().optional(),
  cause: z.string().optional(),
});
export type ExecutionEvent = z.infer<typeof executionEventSchema>;

/** Where an execution stands, one line for each change; the last line of an execution counts. */
export const executionRecordSchema = z.object({
  name: z.string(),
  arn: z.string(),
  machineArn: z.string(),
  machineName: z.string(),
  status: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']),
  input: z.string(),
  output: z.string().optional(),
  error: z.string().optional(),
  cause: z.string().optional(),
  beganAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  redriveCount: z.number().int().nonnegative(),
  redrivenAt: z.iso.datetime().optional(),
});
export type ExecutionRecord = z.infer<typeof executionRecordSchema>;

/** The executions that were running when a stack died or was stopped. */
export const stackStoppedError = 'Holdfast.LocalStackStopped';

/**
 * The executions of all starts of a stack, in its state folder: `executions.jsonl` says where each stands, and
 * `executions/<machine>/<name>.jsonl` what happened in it. The record of a new execution is written before it runs, and that of
 * its end after its last event: a crash in between leaves RUNNING, which the next start turns into a failure.
 */
export class ExecutionHistory {
  readonly #folder: string;
  readonly #records: JsonLines<ExecutionRecord>;

  constructor(stateDirectory: string) {
    this.#folder = join(stateDirectory, 'executions');
    this.#records = new JsonLines(join(stateDirectory, 'executions.jsonl'), executionRecordSchema);
  }

  /** Every execution as it was last recorded, oldest first, by ARN. */
  async load(): Promise<Map<string, ExecutionRecord>> {
    const records = new Map<string, ExecutionRecord>();
    for await (const record of this.#records.read()) records.set(record.arn, record);
    return records;
  }

  record(record: ExecutionRecord): void {
    this.#records.append(record);
  }

  append(record: ExecutionRecord, event: ExecutionEvent): void {
    this.#events(record).append(event);
  }

  /** What happened in an execution so far. */
  async events(record: ExecutionRecord): Promise<ExecutionEvent[]> {
    const events: ExecutionEvent[] = [];
    for await (const event of this.#events(record).read()) events.push(event);
    return events;
  }

  #events({ machineName, name }: ExecutionRecord): JsonLines<ExecutionEvent> {
    return new JsonLines(join(this.#folder, machineName, `${name}.jsonl`), executionEventSchema);
  }
}
