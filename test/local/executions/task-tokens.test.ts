import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Executions } from '../../../lib/local/executions/executions.ts';
import { stateError } from '../../../lib/local/executions/state-error.ts';
import type { TaskServices } from '../../../lib/local/executions/task-handlers.ts';
import type { Json, JsonObject } from '../../../lib/local/json.ts';
import type { LocalMachine } from '../../../lib/local/model.ts';

let folder: string;
let count = 0;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-tokens-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A machine that asks a function under a token, and says what came of it. */
const machineOf = (more: JsonObject = {}): LocalMachine => ({
  origin: { stack: 'Toy', logicalId: 'Machine' },
  name: 'machine',
  arn: 'arn:aws:states:eu-central-1:000000000000:stateMachine:machine',
  roleArn: 'arn:aws:iam::000000000000:role/machine',
  definition: {
    StartAt: 'Ask',
    States: {
      Ask: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
        Parameters: {
          FunctionName: 'ask',
          Payload: {
            'token.$': '$$.Task.Token',
            'said.$': "States.Format('answer to {}', $$.Task.Token)",
            'what.$': '$.what',
          },
        },
        ResultPath: '$.answer',
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.failure', Next: 'Say why not' }],
        Next: 'Done',
        ...more,
      },
      'Say why not': { Type: 'Pass', OutputPath: '$.failure', End: true },
      Done: { Type: 'Succeed' },
    },
  },
});

type Asked = { readonly token: string; readonly said: string; readonly what: string };

/** A stack's executions of that machine; `asked` has what its function was told, call by call. */
async function open(
  more: JsonObject = {},
  { stateDirectory = join(folder, String(++count)), answer = async (): Promise<Json> => ({}) } = {},
) {
  const asked: Asked[] = [];
  let told = Promise.withResolvers<Asked>();
  const refuse = () => Promise.reject(new Error('not in this test'));
  const services: TaskServices = {
    invokeFunction: async (_, payload) => {
      asked.push(payload as Asked);
      told.resolve(payload as Asked);
      told = Promise.withResolvers();
      return answer();
    },
    runTask: refuse,
    publish: refuse,
    putEvents: refuse,
    sendMessage: refuse,
  };
  const executions = await Executions.open({ stateDirectory, machines: [machineOf(more)], services });
  return { executions, asked, next: () => told.promise, stateDirectory };
}

const ending = ({ output }: { readonly output?: string | undefined }): Json => JSON.parse(output ?? 'null') as Json;

test('a state waits for the answer to its token, and goes on with it', async () => {
  const { executions, next } = await open();
  const call = next();
  const { arn } = executions.start('machine', '{"what":"may I?"}', 'one');
  const { token, said, what } = await call;
  const before = executions.describe(arn).status;

  executions.tokens.succeed(token, '{"by":"berta"}');

  assert.deepEqual(ending(await executions.waitFor(arn)), { what: 'may I?', answer: { by: 'berta' } });
  assert.equal(before, 'RUNNING');
  assert.deepEqual([said, what], [`answer to ${token}`, 'may I?']);
});

test('a failure that is answered is caught under its name', async () => {
  const { executions, next } = await open();
  const call = next();
  const { arn } = executions.start('machine', '{"what":""}', 'one');

  executions.tokens.fail((await call).token, { error: 'refused', cause: 'not today' });

  assert.deepEqual(ending(await executions.waitFor(arn)), { Error: 'refused', Cause: 'not today' });
});

test('a token is good for one answer, and afterwards refused as Step Functions refuses it', async () => {
  const { executions, next } = await open();
  const call = next();
  const { arn } = executions.start('machine', '{"what":""}', 'one');
  const { token } = await call;

  assert.throws(() => executions.tokens.succeed(token, 'not JSON'), { name: 'InvalidOutput' });
  executions.tokens.heartbeat(token);
  executions.tokens.succeed(token, '1');
  await executions.waitFor(arn);

  const gone = { name: 'TaskTimedOut', message: "Task Timed Out: 'Provided task does not exist anymore'" };
  assert.throws(() => executions.tokens.succeed(token, '1'), gone);
  assert.throws(() => executions.tokens.fail(token, { error: 'x', cause: '' }), gone);
  assert.throws(() => executions.tokens.heartbeat(token), gone);
  assert.throws(() => executions.tokens.succeed('nonsense', '1'), {
    name: 'InvalidToken',
    message: "Invalid Token: 'Invalid token'",
  });
});

test('what nobody answers in time is States.Timeout, and its token is worth nothing then', async () => {
  const { executions, next } = await open({ TimeoutSeconds: 1 });
  const call = next();
  const { arn } = executions.start('machine', '{"what":""}', 'one');
  const { token } = await call;

  const ended = await executions.waitFor(arn);

  assert.equal((ending(ended) as JsonObject)['Error'], 'States.Timeout');
  assert.throws(() => executions.tokens.succeed(token, '1'), { name: 'TaskTimedOut' });
});

test('who has to be heard of now and then and is not has failed with States.HeartbeatTimeout', async () => {
  const { executions } = await open({ HeartbeatSeconds: 1 });
  const { arn } = executions.start('machine', '{"what":""}', 'one');

  const ended = await executions.waitFor(arn);

  assert.deepEqual(ending(ended), { Error: 'States.HeartbeatTimeout', Cause: 'no heartbeat in 1 seconds' });
});

test('a function that cannot be asked fails the state at once', async () => {
  const { executions } = await open(
    {},
    {
      answer: async () => {
        throw stateError('catalog-unavailable', 'it is away');
      },
    },
  );
  const { arn } = executions.start('machine', '{"what":""}', 'one');

  assert.deepEqual(ending(await executions.waitFor(arn)), { Error: 'catalog-unavailable', Cause: 'it is away' });
});

test('an execution that is stopped waits no more', async () => {
  const { executions, next } = await open();
  const call = next();
  const { arn } = executions.start('machine', '{"what":""}', 'one');
  const { token } = await call;

  const stopped = await executions.stop(arn);

  assert.equal(stopped.status, 'ABORTED');
  assert.throws(() => executions.tokens.succeed(token, '1'), { name: 'TaskTimedOut' });
});

test('what waits when the stack ends waits on in the next one, with a new token, and is told of no death', async () => {
  const first = await open();
  const call = first.next();
  const { arn } = first.executions.start('machine', '{"what":"still"}', 'one');
  const { token: old } = await call;
  await first.executions.close(60);

  const second = await open({}, { stateDirectory: first.stateDirectory });
  const again = second.next();
  second.executions.resume();
  const { token, what } = await again;
  assert.throws(() => second.executions.tokens.succeed(old, '1'), { name: 'TaskTimedOut' });
  second.executions.tokens.succeed(token, '"yes"');
  const ended = await second.executions.waitFor(arn);

  assert.deepEqual(second.executions.stoppedByDeath, []);
  assert.deepEqual([ended.status, ended.redriveCount, what], ['SUCCEEDED', 0, 'still']);
  assert.deepEqual(ending(ended), { what: 'still', answer: 'yes' });
});
