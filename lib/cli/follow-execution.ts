import { setTimeout as delay } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import { type ErrorCode, errorTable, HoldfastError } from '../core/errors.ts';
import { failureOf } from '../core/failure.ts';

export type Step = { readonly name: string; readonly seconds: number };
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
  const { code, message, hint } = failureOf({ Error: error, Cause: cause ?? '' });
  // The hint is part of the message that the last step raised, so that the console shows it; here it is told apart again.
  const [said = message, saidHint] = message.split(' — ', 2);
  return new HoldfastError(code in errorTable ? (code as ErrorCode) : 'internal', said, { hint: saidHint ?? hint });
}
