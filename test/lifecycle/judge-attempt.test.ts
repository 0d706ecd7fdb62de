import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newOperationId } from '../../lib/core/ids.ts';
import { outcomeKey } from '../../lib/core/object-keys.ts';
import { judgeAttempt } from '../../lib/lifecycle/judge-attempt.ts';
import { putJson } from '../../lib/store/text.ts';
import { lifecycle } from './fixtures.ts';

const operation = newOperationId(new Date('2026-11-21T02:00:00Z'), '9f3c2a1b');
const stopped = (exitCode: number) => ({
  Error: 'States.TaskFailed',
  Cause: JSON.stringify({ Containers: [{ ExitCode: exitCode }] }),
});

test("a failure is told in the task's own words when it left any", async () => {
  await using parts = await lifecycle();
  const failure = { code: 'auth-failed', message: "password of user 'backup' was refused", hint: 'is it current?' };
  await putJson(parts.store, outcomeKey(operation, 'ab12'), {
    attempt: 'ab12',
    endedAt: '2026-11-21T02:01:00Z',
    exitCode: 12,
    failure,
  });

  const verdict = await judgeAttempt(parts.store, { operation, caught: stopped(12), attempts: 0 });

  assert.deepEqual(verdict, { verdict: 'fail', attempts: 1, waitSeconds: 30, failure });
});

test('what may pass is tried again, longer apart, three times at most', async () => {
  await using parts = await lifecycle();
  const judge = (attempts: number) => judgeAttempt(parts.store, { operation, caught: stopped(21), attempts });

  const verdicts = [await judge(0), await judge(1), await judge(2)];

  assert.deepEqual(
    verdicts.map(({ verdict, attempts, waitSeconds }) => [verdict, attempts, waitSeconds]),
    [
      ['retry', 1, 30],
      ['retry', 2, 60],
      ['fail', 3, 120],
    ],
  );
});

test('a task that was killed, and one that never started, are tried again', async () => {
  await using parts = await lifecycle();

  const killed = await judgeAttempt(parts.store, { operation, caught: stopped(137), attempts: 0 });
  const absent = await judgeAttempt(parts.store, {
    operation,
    caught: {
      Error: 'States.TaskFailed',
      Cause: JSON.stringify({ StoppedReason: 'CannotPullContainerError: no route', Containers: [{}] }),
    },
    attempts: 0,
  });

  assert.deepEqual([killed.verdict, killed.failure.code], ['retry', 'task-killed']);
  assert.deepEqual(
    [absent.verdict, absent.failure.code, absent.failure.message],
    ['retry', 'task-not-started', 'CannotPullContainerError: no route'],
  );
});

test('a partial backup goes on to validation', async () => {
  await using parts = await lifecycle();

  const verdict = await judgeAttempt(parts.store, { operation, caught: stopped(30), attempts: 0 });

  assert.equal(verdict.verdict, 'partial');
});

test('words left by an earlier attempt do not explain a later one that left none', async () => {
  await using parts = await lifecycle();
  const failure = { code: 'source-busy', message: 'a lock was held', hint: 'later' };
  await putJson(parts.store, outcomeKey(operation, 'ab12'), {
    attempt: 'ab12',
    endedAt: '2026-11-21T02:01:00Z',
    exitCode: 22,
    failure,
  });

  const verdict = await judgeAttempt(parts.store, { operation, caught: stopped(137), attempts: 1 });

  assert.equal(verdict.failure.code, 'task-killed');
});

test('why a task did not start is told in the words of ECS', async () => {
  await using parts = await lifecycle();
  const told = async (error: string, cause: object | string): Promise<string> => {
    const caught = { Error: error, Cause: typeof cause === 'string' ? cause : JSON.stringify(cause) };
    const { failure } = await judgeAttempt(parts.store, { operation, caught, attempts: 2 });
    assert.equal(failure.code, 'task-not-started');
    return failure.message;
  };

  assert.equal(
    await told('States.TaskFailed', {
      StopCode: 'TaskFailedToStart',
      StoppedReason: 'Task failed to start',
      Containers: [
        {
          Name: 'holdfast',
          Reason: 'CannotPullContainerError: pull image manifest has been retried 5 time(s): not found',
        },
      ],
    }),
    'Task failed to start; CannotPullContainerError: pull image manifest has been retried 5 time(s): not found',
  );
  assert.equal(
    await told('AmazonECS.Unknown', {
      Failures: [{ Arn: 'arn', Reason: 'Capacity is unavailable at this time' }],
      Tasks: [],
    }),
    'Capacity is unavailable at this time',
  );
  assert.equal(
    await told('ECS.AmazonECSException', 'You’ve reached the limit on the number of tasks you can run concurrently'),
    'the task did not start: ECS.AmazonECSException: You’ve reached the limit on the number of tasks you can run concurrently',
  );
});
