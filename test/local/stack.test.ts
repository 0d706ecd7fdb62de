import assert from 'node:assert/strict';
import { readFileSync, realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { LocalStack, StackEvent } from '../../lib/local/local-stack.ts';
import { openToyStack, type ToyFolder, toyFolder } from './toy-stack.ts';

let folder: ToyFolder;
let stack: LocalStack;
let events: StackEvent[];

before(async () => {
  folder = toyFolder();
  ({ stack, events } = await openToyStack(folder, { environment: { TOY_LOG: join(folder.root, 'toy.log') } }));
});
after(async () => {
  await stack?.close();
  folder?.[Symbol.dispose]();
});

test('a state machine runs a function and a task, as its synthesized definition says', async () => {
  const { arn } = stack.startExecution('toy-machine', {
    name: 'Ada',
    fail: '',
    command: ['work'],
    run: { id: 'r-1' },
  });

  const ended = await stack.waitFor(arn);

  const output = JSON.parse(ended.output ?? '{}');
  assert.equal(ended.status, 'SUCCEEDED', `${ended.error}: ${ended.cause}`);
  assert.deepEqual(output.asked, { greeting: 'hello, Ada' });
  assert.equal(output.task.Containers[0].ExitCode, 0);
  assert.equal(output.task.Containers[0].Name, 'main');
  const history = await stack.executions.events(arn);
  assert.deepEqual(
    history.map(({ type, state }) => (state === undefined ? type : `${type} ${state}`)),
    [
      'execution-started',
      'state-entered Ask for a greeting',
      'state-exited Ask for a greeting',
      'state-entered Work in a task',
      'state-exited Work in a task',
      'state-entered Done',
      'state-exited Done',
      'execution-succeeded',
    ],
  );
});

test("a task's progress reaches the listeners, and its other lines its log", async () => {
  const { arn } = stack.startExecution('toy-machine', { name: 'Bo', fail: '', command: ['work'], run: { id: 'r-2' } });
  await stack.waitFor(arn);

  const progress = events.filter((event) => event.kind === 'progress' && event.execution.arn === arn);
  const image = realpathSync(stack.model.taskDefinitions[0]?.container.folder ?? '');
  const log = readFileSync(join(folder.state, 'logs', 'toy-task.log'), 'utf8');

  assert.equal(progress.length, 1);
  assert.deepEqual(progress[0]?.kind === 'progress' && progress[0].progress, {
    type: 'progress',
    phase: 'working',
    bytes: 42,
  });
  assert.ok(log.includes(`working on r-2 in ${image}`), log);
});

test("a task that ends with an exit code fails its state with ECS's description as the cause", async () => {
  const { arn } = stack.startExecution('toy-machine', { name: 'Cy', fail: '', command: ['fail'], run: { id: 'r-3' } });

  const ended = await stack.waitFor(arn);

  const cause = JSON.parse(ended.cause ?? '{}');
  assert.equal(ended.status, 'FAILED');
  assert.equal(ended.error, 'States.TaskFailed');
  assert.equal(cause.Containers[0].ExitCode, 23);
  assert.equal(cause.StopCode, 'EssentialContainerExited');
  assert.equal(cause.StoppedReason, 'Essential container in task exited');
});

test("a function's error is caught under its name, with Lambda's own words as the cause", async () => {
  const { arn } = stack.startExecution('toy-machine', { name: 'Di', fail: 'lease-held', command: [], run: {} });

  const ended = await stack.waitFor(arn);

  const history = await stack.executions.events(arn);
  const remembered = history.find(({ type, state }) => type === 'state-exited' && state === 'Remember the failure');
  const cause = JSON.parse(ended.cause ?? '{}');
  assert.equal(ended.status, 'FAILED');
  assert.equal(ended.error, 'lease-held');
  assert.equal(cause.errorType, 'lease-held');
  assert.equal(cause.errorMessage, "no greeting for 'Di'");
  assert.deepEqual(remembered?.output, {
    caught: { Error: 'lease-held', Cause: ended.cause },
    redriveCount: 0,
    input: { name: 'Di', fail: 'lease-held', command: [], run: {} },
  });
});

test('embedded metrics of functions are served for Prometheus', async () => {
  const { arn } = stack.startExecution('toy-machine', { name: 'Eve', fail: '', command: ['work'], run: {} });
  await stack.waitFor(arn);

  const response = await fetch(`${stack.statusUrl}/metrics`);
  const text = await response.text();

  assert.match(text, /^toy_greeting_made_total\{target="Eve"\} 1$/m);
});

test('the custom resource is made once, by its function', async () => {
  assert.equal(readFileSync(join(folder.root, 'hook.log'), 'utf8'), 'Create 1\n');
});

test('however many ask for a function at once, no more of its processes run than the machine bears', async () => {
  const ask = { FunctionName: 'toy-greet', Payload: JSON.stringify({ name: 'Ada' }) };
  const client = new LambdaClient({
    endpoint: stack.endpointUrl,
    region: stack.region,
    credentials: stack.credentials,
  });

  const answers = await Promise.all(Array.from({ length: 20 }, () => client.send(new InvokeCommand(ask))));

  const pids = answers.map(({ Payload }) => (JSON.parse(Payload?.transformToString() ?? '{}') as { pid: number }).pid);
  assert.ok(pids.every((pid) => pid > 0));
  assert.ok(new Set(pids).size <= Math.max(2, availableParallelism()), `${new Set(pids).size} processes`);
  client.destroy();
});

test('however many tasks are started at once, those that find no room wait for it', async () => {
  const runs = Array.from({ length: 6 }, (_, index) =>
    stack.startExecution('toy-machine', { name: 'Di', fail: '', command: ['work'], run: { id: `many-${index}` } }),
  );

  const ended = await Promise.all(runs.map(({ arn }) => stack.waitFor(arn)));

  assert.deepEqual(
    ended.map(({ status }) => status),
    Array(6).fill('SUCCEEDED'),
  );
});
