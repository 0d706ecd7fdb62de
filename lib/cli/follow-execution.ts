import { setTimeout as delay } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { type ErrorCode, errorTable } from '../core/error-table.ts';
import { HoldfastError } from '../core/errors.ts';
import { type Failure, failureOf, failureSchema } from '../core/failure.ts';

export type Step = { readonly name: string; readonly seconds: number };
export type Retry = { readonly failure: HoldfastError; readonly attempts: number; readonly waitSeconds: number };
export type Followed = {
  readonly status: string;
  readonly output: unknown;
  readonly failure: HoldfastError | undefined;
};

/**
 * Watches an execution to its end, telling each state as it is entered and left. The same on AWS and on a local stack: both speak the Step
 * Functions API.
 */
export async function followExecution(
  client: SFNClient,
  executionArn: string,
  options: {
    readonly signal: AbortSignal;
    readonly pollMs: number;
    readonly entered?: (name: string) => void;
    /** Told before a further attempt is waited for. */
    readonly waiting?: (wait: Retry) => void;
    readonly left?: (step: Step) => void;
  },
): Promise<Followed> {
  const enteredAt = new Map<string, number>();
  let lastId = 0;
  const tell = (event: HistoryEvent): void => {
    const at = event.timestamp?.getTime() ?? 0;
    const entered = event.stateEnteredEventDetails?.name;
    if (entered !== undefined) {
      enteredAt.set(entered, at);
      options.entered?.(entered);
      const retry = event.type === 'WaitStateEntered' && retryOf(event.stateEnteredEventDetails?.input);
      if (retry) options.waiting?.(retry);
    }
    const left = event.stateExitedEventDetails?.name;
    if (left !== undefined) options.left?.({ name: left, seconds: (at - (enteredAt.get(left) ?? at)) / 1000 });
  };
  for (;;) {
    const { status, output, error, cause } = await client.send(new DescribeExecutionCommand({ executionArn }));
    for (const event of await history(client, executionArn)) {
      if ((event.id ?? 0) <= lastId) continue;
      lastId = event.id ?? lastId;
      tell(event);
    }
    if (status !== 'RUNNING') {
      return {
        status: status ?? 'UNKNOWN',
        output: output === undefined ? undefined : JSON.parse(output),
        failure: status === 'SUCCEEDED' ? undefined : failureOfExecution(status, error, cause),
      };
    }
    await delay(options.pollMs, undefined, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
  }
}

const retrySchema = z.object({
  judged: z.object({ attempts: z.number(), waitSeconds: z.number(), failure: failureSchema }),
});

/** Why an attempt failed and how long until the next, as the workflow's state says before it waits. */
function retryOf(input: string | undefined): Retry | undefined {
  const state = retrySchema.safeParse(JSON.parse(input ?? 'null'));
  if (!state.success) return undefined;
  const { failure, ...wait } = state.data.judged;
  return { ...wait, failure: asError(failure) };
}

async function history(client: SFNClient, executionArn: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const page = await client.send(
      new GetExecutionHistoryCommand({
        executionArn,
        maxResults: 1000,
        ...(nextToken === undefined ? {} : { nextToken }),
      }),
    );
    events.push(...(page.events ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return events;
}

function failureOfExecution(
  status: string | undefined,
  error: string | undefined,
  cause: string | undefined,
): HoldfastError {
  if (error === undefined) {
    return status === 'ABORTED'
      ? new HoldfastError('stopped', 'the execution was stopped')
      : new HoldfastError('deadline', `the execution ended as ${status}`);
  }
  return asError(failureOf({ Error: error, Cause: cause ?? '' }));
}

function asError({ code, message, hint }: Failure): HoldfastError {
  return new HoldfastError(code in errorTable ? (code as ErrorCode) : 'internal', message, { hint });
}
