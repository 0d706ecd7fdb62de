import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fails, failure, follow, plannedCleanup, type Step } from './follow.ts';

test('a restore test that goes well is recorded and published, and no lease is touched', async () => {
  const { taken, end } = await follow('holdfast-restore-test', {});

  assert.deepEqual(taken, [
    'Choose and admit the backup',
    'Restore into a server of its own and examine it',
    'Record the restore test',
    'Publish the outcome',
  ]);
  assert.equal(end, 'success');
});

test('an installation without a backup has nothing to test, and that is no failure', async () => {
  const { taken, end } = await follow('holdfast-restore-test', {
    'Choose and admit the backup': () => ({ verdict: 'nothing', reason: 'new' }),
  });

  assert.deepEqual([taken, end], [['Choose and admit the backup'], 'success']);
});

test('a restore test whose copy is not as it should be fails as that, recorded and told', async () => {
  const { taken, end } = await follow('holdfast-restore-test', {
    'Restore into a server of its own and examine it': fails('States.TaskFailed'),
    'Find out why the task ended': () => ({
      verdict: 'fail',
      attempts: 1,
      waitSeconds: 0,
      failure: { ...failure, code: 'assertion-failed' },
    }),
  });

  assert.deepEqual(taken.slice(3), ['Record the failure', 'Publish the failure', 'End as failed']);
  assert.equal(end, 'assertion-failed');
});

test('a cleanup goes on step by step until its plan is done, and is recorded', async () => {
  let next = 0;
  const { taken, end } = await follow('holdfast-cleanup', {
    'Remove what has expired': () => {
      next += 10;
      return { next, isDone: next === 30, totals: {} };
    },
  });

  assert.deepEqual(taken, [
    'Plan the cleanup',
    'Remove what has expired',
    'Remove what has expired',
    'Remove what has expired',
    'Record the cleanup',
  ]);
  assert.equal(end, 'success');
});

test('a dry run ends with its plan', async () => {
  const { taken, end } = await follow('holdfast-cleanup', {
    'Plan the cleanup': () => ({ ...plannedCleanup, run: { cleanupId: 'c', dryRun: true } }),
  });

  assert.deepEqual([taken, end], [['Plan the cleanup'], 'success']);
});

test('a cleanup that fails is recorded and ends under its failure, whether or not it can be recorded', async () => {
  const failing = { 'Remove what has expired': fails('store-denied') };
  const failsAsTold: Step = ({ failure: caught }) => fails((caught as { Error: string }).Error)();

  const recordings: readonly Step[] = [() => ({}), fails('store-unavailable')];
  for (const recording of recordings) {
    const { taken, end } = await follow('holdfast-cleanup', {
      ...failing,
      'Record the failed cleanup': recording,
      'End as failed': failsAsTold,
    });

    assert.equal(end, 'store-denied');
    assert.deepEqual(
      [...new Set(taken)],
      ['Plan the cleanup', 'Remove what has expired', 'Record the failed cleanup', 'End as failed'],
    );
  }
});
