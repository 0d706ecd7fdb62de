import { createHash } from 'node:crypto';
import type { Executions } from '../executions/executions.ts';
import type { ExecutionEvent, ExecutionRecord } from '../executions/history.ts';
import type { Json, JsonObject } from '../json.ts';
import { type Operations, optionalText, seconds, text } from './operation.ts';

/** Step Functions (AWS JSON 1.0): what starts, shows, stops and redrives executions. */
export function stepFunctionsOperations(executions: Executions): Operations {
  return {
    StartExecution: {
      action: 'states:StartExecution',
      resource: (input) => text(input, 'stateMachineArn'),
      run: (input) => {
        const record = executions.start(
          text(input, 'stateMachineArn'),
          optionalText(input, 'input') ?? '{}',
          optionalText(input, 'name'),
        );
        return { executionArn: record.arn, startDate: seconds(record.beganAt) };
      },
    },
    DescribeExecution: {
      action: 'states:DescribeExecution',
      resource: (input) => text(input, 'executionArn'),
      run: (input) => {
        const record = executions.describe(text(input, 'executionArn'));
        return {
          ...summary(record),
          input: record.input,
          inputDetails: { included: true },
          ...defined({ output: record.output, error: record.error, cause: record.cause }),
        };
      },
    },
    ListExecutions: {
      action: 'states:ListExecutions',
      resource: (input) => text(input, 'stateMachineArn'),
      run: (input) => {
        const machine = executions.machine(text(input, 'stateMachineArn'));
        const status = optionalText(input, 'statusFilter');
        const all = executions
          .list()
          .filter((record) => record.machineArn === machine.arn && (status ?? record.status) === record.status);
        return page(input, all.map(summary), 'executions');
      },
    },
    StopExecution: {
      action: 'states:StopExecution',
      resource: (input) => text(input, 'executionArn'),
      run: async (input) => {
        const record = await executions.stop(text(input, 'executionArn'));
        return { stopDate: seconds(record.endedAt ?? record.beganAt) };
      },
    },
    RedriveExecution: {
      action: 'states:RedriveExecution',
      resource: (input) => text(input, 'executionArn'),
      run: async (input) => {
        const record = await executions.redrive(text(input, 'executionArn'));
        return { redriveDate: seconds(record.redrivenAt ?? record.beganAt) };
      },
    },
    GetExecutionHistory: {
      action: 'states:GetExecutionHistory',
      resource: (input) => text(input, 'executionArn'),
      run: async (input) => {
        const arn = text(input, 'executionArn');
        const { input: given } = executions.describe(arn);
        const events = (await executions.events(arn)).map((event) => historyEvent(event, given));
        return page(input, input['reverseOrder'] === true ? events.reverse() : events, 'events');
      },
    },
    // A policy names no resource for these: whose answer it is, the token says.
    SendTaskSuccess: {
      action: 'states:SendTaskSuccess',
      resource: () => '*',
      run: (input) => {
        executions.tokens.succeed(text(input, 'taskToken'), text(input, 'output'));
        return {};
      },
    },
    SendTaskFailure: {
      action: 'states:SendTaskFailure',
      resource: () => '*',
      run: (input) => {
        const error = optionalText(input, 'error') ?? '';
        executions.tokens.fail(text(input, 'taskToken'), { error, cause: optionalText(input, 'cause') ?? '' });
        return {};
      },
    },
    SendTaskHeartbeat: {
      action: 'states:SendTaskHeartbeat',
      resource: () => '*',
      run: (input) => {
        executions.tokens.heartbeat(text(input, 'taskToken'));
        return {};
      },
    },
    ListStateMachines: {
      action: 'states:ListStateMachines',
      resource: () => '*',
      run: (input) => {
        const listed = executions.machines().map(({ arn, name }) => ({
          stateMachineArn: arn,
          name,
          type: 'STANDARD',
          creationDate: 0,
        }));
        return page(input, listed, 'stateMachines');
      },
    },
    DescribeStateMachine: {
      action: 'states:DescribeStateMachine',
      resource: (input) => text(input, 'stateMachineArn'),
      run: (input) => {
        const machine = executions.machine(text(input, 'stateMachineArn'));
        const definition = JSON.stringify(machine.definition);
        return {
          stateMachineArn: machine.arn,
          name: machine.name,
          status: 'ACTIVE',
          type: 'STANDARD',
          definition,
          roleArn: machine.roleArn,
          creationDate: 0,
          revisionId: createHash('sha256').update(definition).digest('hex').slice(0, 36),
        };
      },
    },
  };
}

function summary(record: ExecutionRecord): JsonObject {
  return {
    executionArn: record.arn,
    stateMachineArn: record.machineArn,
    name: record.name,
    status: record.status,
    startDate: seconds(record.beganAt),
    redriveCount: record.redriveCount,
    ...(record.endedAt === undefined ? {} : { stopDate: seconds(record.endedAt) }),
    ...(record.redrivenAt === undefined ? {} : { redriveDate: seconds(record.redrivenAt) }),
  };
}

function defined(values: Readonly<Record<string, string | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function page(input: JsonObject, items: readonly Json[], name: string): JsonObject {
  const size = Number(input['maxResults'] ?? 0) || 100;
  const from = Number(optionalText(input, 'nextToken') ?? 0);
  const next = from + size;
  return { [name]: items.slice(from, next), ...(next < items.length ? { nextToken: String(next) } : {}) };
}

/** An event in the form of Step Functions' own history. */
function historyEvent(event: ExecutionEvent, input: string): JsonObject {
  const base = { id: event.id, previousEventId: event.id - 1, timestamp: seconds(event.at) };
  const failure = { error: event.error ?? '', cause: event.cause ?? '' };
  const state = event.state ?? '';
  switch (event.type) {
    case 'execution-started':
      return { ...base, type: 'ExecutionStarted', executionStartedEventDetails: { input } };
    case 'execution-redriven':
      return { ...base, type: 'ExecutionRedriven', executionRedrivenEventDetails: {} };
    case 'execution-succeeded': {
      const output = JSON.stringify(event.output ?? null);
      return { ...base, type: 'ExecutionSucceeded', executionSucceededEventDetails: { output } };
    }
    case 'execution-failed':
      return { ...base, type: 'ExecutionFailed', executionFailedEventDetails: failure };
    case 'execution-aborted':
      return { ...base, type: 'ExecutionAborted', executionAbortedEventDetails: {} };
    case 'execution-timed-out':
      return { ...base, type: 'ExecutionTimedOut', executionTimedOutEventDetails: {} };
    case 'state-entered': {
      const details = { name: state, input: JSON.stringify(event.input ?? null) };
      return { ...base, type: `${event.stateType}StateEntered`, stateEnteredEventDetails: details };
    }
    case 'state-exited': {
      const details = { name: state, output: JSON.stringify(event.output ?? null) };
      return { ...base, type: `${event.stateType}StateExited`, stateExitedEventDetails: details };
    }
    case 'state-failed':
    case 'state-retried':
    case 'state-caught': {
      const details = { ...failure, resource: state, resourceType: event.type };
      return { ...base, type: 'TaskFailed', taskFailedEventDetails: details };
    }
    default: {
      const never: never = event.type;
      return never;
    }
  }
}
