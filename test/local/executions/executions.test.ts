import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { prepareDefinition } from '../../../lib/local/executions/definition.ts';
import { Executions } from '../../../lib/local/executions/executions.ts';
import { stateError } from '../../../lib/local/executions/state-error.ts';
import type { TaskServices } from '../../../lib/local/executions/task-handlers.ts';
import type { Json, JsonObject } from '../../../lib/local/json.ts';
import type { LocalMachine } from '../../../lib/local/model.ts';

const machineOf = (definition: JsonObject): LocalMachine => ({
  origin: { stack: 'Toy', logicalId: 'Machine' },
  name: 'machine',
  arn: 'arn:aws:states:eu-central-1:000000000000:stateMachine:machine',
  roleArn: 'arn:aws:iam::000000000000:role/machine',
  definition,
});
const invoke = (rest: JsonObject): JsonObject => ({
  Type: 'Task',
  Resource: 'arn:aws:states:::lambda:invoke',
  Parameters: { FunctionName: 'f', 'Payload.$': '$' },
  ...rest,
});

let folder: string;
let count = 0;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-executions-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a definition whose functions are `answer`, and gives the record with which it ended. */
async function run(
  definition: JsonObject,
  answer: (payload: Json, signal?: AbortSignal) => Promise<Json> = async () => ({}),
  input: Json = {},
) {
  const refuse = () => Promise.reject(new Error('not in this test'));
  const services: TaskServices = {
    invokeFunction: (_, payload) => answer(payload),
    runTask: ({ signal, parameters }) => answer(parameters, signal),
    publish: refuse,
    putEvents: refuse,
    sendMessage: refuse,
  };
  count += 1;
  const stateDirectory = join(folder, String(count));
  const executions = await Executions.open({ stateDirectory, machines: [machineOf(definition)], services });
  const { arn } = executions.start('machine', JSON.stringify(input), 'one');
  const ended = await executions.waitFor(arn);
  return { ended, output: ended.output === undefined ? undefined : JSON.parse(ended.output), executions, arn };
}

test('the context object names execution, state and machine, also inside branches', async () => {
  const look = {
    Type: 'Pass',
    End: true,
    Parameters: {
      'name.$': '$$.Execution.Name',
      'id.$': '$$.Execution.Id',
      'input.$': '$$.Execution.Input.target',
      'count.$': '$$.Execution.RedriveCount',
      'state.$': '$$.State.Name',
      'said.$': "States.Format('in {}', $$.State.Name)",
      'machine.$': '$$.StateMachine.Name',
    },
  };

  const { output } = await run(
    {
      StartAt: 'Both',
      States: {
        Both: {
          Type: 'Parallel',
          Parameters: { other: 'input' },
          Branches: [{ StartAt: "Look, it's here", States: { "Look, it's here": look } }],
          End: true,
        },
      },
    },
    undefined,
    { target: 'orders' },
  );

  assert.deepEqual(output, [
    {
      name: 'one',
      id: 'arn:aws:states:eu-central-1:000000000000:execution:machine:one',
      input: 'orders',
      count: 0,
      state: "Look, it's here",
      said: "in Look, it's here",
      machine: 'machine',
    },
  ]);
});

test('a task state that overruns its time is caught as States.Timeout, and its work is told to stop', async () => {
  let wasStopped = false;
  const { output } = await run(
    {
      StartAt: 'Slow',
      States: {
        Slow: {
          Type: 'Task',
          Resource: 'arn:aws:states:::ecs:runTask.sync',
          Parameters: {},
          TimeoutSeconds: 1,
          Catch: [
            { ErrorEquals: ['States.TaskFailed'], Next: 'Wrong' },
            { ErrorEquals: ['States.Timeout'], Next: 'Right' },
          ],
          End: true,
        },
        Wrong: { Type: 'Fail' },
        Right: { Type: 'Pass', Result: 'caught', End: true },
      },
    },
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          wasStopped = true;
          reject(stateError('States.TaskFailed', 'stopped'));
        });
      }),
  );

  assert.equal(output, 'caught');
  assert.equal(wasStopped, true);
});

test('a machine that overruns its time ends as TIMED_OUT', async () => {
  const { ended } = await run({
    TimeoutSeconds: 1,
    StartAt: 'Wait',
    States: { Wait: { Type: 'Wait', Seconds: 60, End: true } },
  });

  assert.equal(ended.status, 'TIMED_OUT');
});

test('only the errors that a retrier names are tried again, as often as it says', async () => {
  let calls = 0;
  const definition = {
    StartAt: 'Try',
    States: {
      Try: invoke({ Retry: [{ ErrorEquals: ['source-busy'], IntervalSeconds: 1, MaxAttempts: 1 }], End: true }),
    },
  };

  const { output, executions, arn } = await run(definition, async () => {
    calls += 1;
    if (calls === 1) throw stateError('source-busy', 'later');
    return { done: true };
  });
  const permanent = await run(definition, async () => {
    throw stateError('auth-failed', 'never');
  });

  assert.equal(output.Payload.done, true);
  assert.equal(calls, 2);
  const types = (await executions.events(arn)).map(({ type }) => type);
  assert.deepEqual(types.slice(1, 4), ['state-entered', 'state-failed', 'state-retried']);
  assert.equal(permanent.ended.error, 'auth-failed');
  assert.equal(permanent.ended.cause, 'never');
});

test('an output that Step Functions would refuse for its size fails the state', async () => {
  const { ended } = await run({ StartAt: 'Big', States: { Big: invoke({ End: true }) } }, async () =>
    'x'.repeat(262_144),
  );

  assert.equal(ended.error, 'States.DataLimitExceeded');
});

test('a task state without a timeout waits as long as it takes, and not the 60 seconds of the interpreter', () => {
  const { definition } = prepareDefinition(machineOf({ StartAt: 'Work', States: { Work: invoke({ End: true }) } }));

  const states = definition['States'] as Record<string, JsonObject>;
  assert.equal(states['Work']?.['TimeoutSeconds'], 2_147_483);
});

test('what cannot be played is refused by name when the stack opens', async () => {
  const open = (state: JsonObject, rest: JsonObject = {}) =>
    Executions.open({
      stateDirectory: join(folder, 'refused'),
      machines: [machineOf({ StartAt: 'Work', States: { Work: state }, ...rest })],
      services: {} as TaskServices,
    });

  await assert.rejects(open(invoke({ End: true, HeartbeatSeconds: 5 })), {
    name: 'assembly-unsupported',
    message: "state machine 'machine', state 'Work': the field 'HeartbeatSeconds' is not played here",
  });
  await assert.rejects(open({ Type: 'Task', Resource: 'arn:aws:states:::dynamodb:getItem', End: true }), {
    message:
      "state machine 'machine', state 'Work': the resource 'arn:aws:states:::dynamodb:getItem' is not known to the local stack",
  });
  await assert.rejects(open({ Type: 'Pass', End: true }, { QueryLanguage: 'JSONata' }), {
    message: "state machine 'machine', definition: only 'JSONPath' is understood here",
  });
  await assert.rejects(open({ Type: 'Pass', End: true, Parameters: { 'token.$': '$$.Task.Token' } }), {
    message: "state machine 'machine', state 'Work': the context object has no '$$.Task.Token' here",
  });
});
