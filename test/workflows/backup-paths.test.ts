import assert from 'node:assert/strict';
import { test } from 'node:test';
import { templatesOf, withServices } from '../stacks/synthesize.ts';
import { definitionOf } from './definitions.ts';
import { admitted, Failed, fails, failure, follow, runtime, wayOfFailure } from './follow.ts';

const { runtime: stopping } = templatesOf(withServices);

test('a backup that goes well is written, validated, recorded, released and published', async () => {
  const { taken, end } = await follow('holdfast-backup', {});

  assert.deepEqual(taken, [
    'Admit the backup request',
    'Write the backup to the store',
    'Validate the backup',
    'Record the backup',
    'Release the lease',
    'Publish the outcome',
  ]);
  assert.equal(end, 'success');
});

test('a request that was made before ends at once, and well', async () => {
  const { taken, end } = await follow('holdfast-backup', {
    'Admit the backup request': () => ({ verdict: 'duplicate', duplicateOf: 'b', reason: 'before' }),
  });

  assert.deepEqual([taken, end], [['Admit the backup request'], 'success']);
});

test('a run that is refused is recorded as the failure that it is', async () => {
  const { taken, end } = await follow('holdfast-backup', {
    'Admit the backup request': () => ({
      ...admitted,
      verdict: 'refused',
      failure: { ...failure, code: 'lease-held' },
    }),
  });

  assert.deepEqual([taken, end], [['Admit the backup request', ...wayOfFailure], 'lease-held']);
});

test('a task that finds no capacity is started again for a quarter of an hour, and the backup then goes well', async () => {
  const write = 'Write the backup to the store';
  let refusals = 8;
  const { taken, end } = await follow('holdfast-backup', {
    [write]: () => (refusals-- > 0 ? fails('AmazonECS.Unknown')() : {}),
  });
  const [retry] = definitionOf(runtime, 'holdfast-backup').States[write]?.Retry ?? [];
  assert.ok(retry);
  const waits = Array.from({ length: retry.MaxAttempts }, (_, attempt) =>
    Math.min(retry.IntervalSeconds * retry.BackoffRate ** attempt, retry.MaxDelaySeconds ?? Number.POSITIVE_INFINITY),
  );

  assert.equal(taken.filter((step) => step === write).length, 9);
  assert.equal(end, 'success');
  assert.deepEqual(waits, [15, 30, 60, 120, 240, 300, 300, 300]);
});

test('capacity that does not come back is judged as any end of a task, and the run ends as not started', async () => {
  const notStarted = { code: 'task-not-started', message: 'RESOURCE:CPU', hint: 'is there a quota?' };
  const { taken, end } = await follow('holdfast-backup', {
    'Write the backup to the store': fails('AmazonECS.Unknown'),
    'Find out why the task ended': () => ({ verdict: 'fail', attempts: 1, waitSeconds: 0, failure: notStarted }),
  });

  assert.deepEqual(taken.slice(-5), ['Find out why the task ended', ...wayOfFailure]);
  assert.equal(end, 'task-not-started');
});

test('a task is tried again while its judge says so, and each attempt is counted', async () => {
  const counted: unknown[] = [];
  let runs = 0;

  const { taken, end } = await follow('holdfast-backup', {
    'Write the backup to the store': () => {
      runs++;
      if (runs < 3) throw new Failed('States.TaskFailed');
    },
    'Find out why the task ended': ({ attempts }) => {
      counted.push(attempts);
      return { verdict: 'retry', attempts: Number(attempts) + 1, waitSeconds: 30, failure };
    },
  });

  assert.deepEqual(counted, [0, 1]);
  assert.deepEqual(taken.filter((state) => state === 'Write the backup to the store').length, 3);
  assert.equal(end, 'success');
});

test('a task that failed for good ends the run under its own code', async () => {
  const told: unknown[] = [];

  const { taken, end } = await follow('holdfast-backup', {
    'Write the backup to the store': fails('States.TaskFailed'),
    'Find out why the task ended': () => ({ verdict: 'fail', attempts: 3, waitSeconds: 0, failure }),
    'Record the failure': ({ failure: why }) => told.push(why),
  });

  assert.deepEqual(taken.slice(3), wayOfFailure);
  assert.deepEqual([end, told], ['source-unreachable', [failure]]);
});

test('a partial backup is validated, and then told as a failure with what is missing', async () => {
  const { taken, end } = await follow('holdfast-backup', {
    'Write the backup to the store': fails('States.TaskFailed'),
    'Find out why the task ended': () => ({
      verdict: 'partial',
      attempts: 1,
      waitSeconds: 0,
      failure: { ...failure, code: 'partial' },
    }),
    'Validate the backup': () => ({ status: 'partial' }),
  });

  assert.deepEqual(taken.slice(3), ['Validate the backup', ...wayOfFailure]);
  assert.equal(end, 'partial');
});

test('a backup that turns out partial only when validated is no success either', async () => {
  const { end } = await follow('holdfast-backup', { 'Validate the backup': () => ({ status: 'partial' }) });

  assert.equal(end, 'partial');
});

test('a backup that does not validate fails', async () => {
  const { taken } = await follow('holdfast-backup', { 'Validate the backup': fails('corrupt') });

  assert.deepEqual(taken.slice(3), wayOfFailure);
});

test('each step of the failure path is taken even when those before it fail', async () => {
  const { taken, end } = await follow('holdfast-backup', {
    'Validate the backup': fails('corrupt'),
    'Record the failure': fails('internal'),
    'Release the lease after the failure': fails('internal'),
    'Publish the failure': fails('internal'),
    'End as failed': fails('corrupt'),
  });

  assert.deepEqual(taken.slice(3), wayOfFailure);
  assert.equal(end, 'corrupt');
});

test('a lease that cannot be released and news that cannot be told do not undo a good backup', async () => {
  const { end } = await follow('holdfast-backup', {
    'Release the lease': fails('internal'),
    'Publish the outcome': fails('internal'),
  });

  assert.equal(end, 'success');
});

test('a redriven execution begins anew with the input that it was started with', async () => {
  const asked: unknown[] = [];
  let validations = 0;

  const { taken, end } = await follow('holdfast-backup', {
    'Admit the backup request': ({ request }) => {
      asked.push(request);
      return admitted;
    },
    'Validate the backup': () => {
      validations++;
      if (validations === 1) throw new Failed('corrupt');
      return { status: 'complete' };
    },
    'End as failed': () => ({ redriven: 1 }),
  });

  assert.deepEqual(asked, [{ target: 'orders' }, { target: 'orders' }]);
  assert.equal(taken.at(-1), 'Publish the outcome');
  assert.equal(end, 'success');
});

test('where runs stop services, they are started again as soon as the task has ended, and before anything is said of a failure', async () => {
  const good = await follow('holdfast-backup', {}, stopping);
  const bad = await follow(
    'holdfast-backup',
    {
      'Write the backup to the store': fails('States.TaskFailed'),
      'Find out why the task ended': () => ({ verdict: 'fail', attempts: 3, waitSeconds: 0, failure }),
    },
    stopping,
  );
  const restored = await follow('holdfast-restore', {}, stopping);

  assert.deepEqual(good.taken.slice(1, 4), [
    'Write the backup to the store',
    'Start what was stopped',
    'Validate the backup',
  ]);
  assert.deepEqual(bad.taken.slice(2), [
    'Find out why the task ended',
    'Start what was stopped, after the failure',
    ...wayOfFailure,
  ]);
  assert.deepEqual(restored.taken.slice(1, 4), ['Restore and compare', 'Start what was stopped', 'Record the restore']);
});

test('a service that cannot be started keeps no run from its end', async () => {
  const refused = fails('service-not-switched');
  const { taken, end } = await follow('holdfast-backup', { 'Start what was stopped': refused }, stopping);

  assert.deepEqual([taken.at(-1), end], ['Publish the outcome', 'success']);
});
