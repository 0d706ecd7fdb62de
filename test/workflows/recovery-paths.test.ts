import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, fails, failure, follow, type Step, wayOfFailure } from './follow.ts';

test('a restore that goes well is compared, recorded, released and published', async () => {
  const { taken, end } = await follow('holdfast-restore', {});

  assert.deepEqual(taken, [
    'Admit the restore request',
    'Restore and compare',
    'Record the restore',
    'Release the leases',
    'Publish the outcome',
  ]);
  assert.equal(end, 'success');
});

test('a restore whose copy differs fails as that', async () => {
  const { taken, end } = await follow('holdfast-restore', {
    'Restore and compare': fails('States.TaskFailed'),
    'Find out why the task ended': () => ({
      verdict: 'fail',
      attempts: 1,
      waitSeconds: 0,
      failure: { ...failure, code: 'comparison-failed' },
    }),
  });

  assert.deepEqual(taken.slice(3), wayOfFailure);
  assert.equal(end, 'comparison-failed');
});

const wayOfRecovery = [
  'Admit the recovery request',
  'Wait for a second person',
  'Plan the recovery',
  'Recover and compare',
  'Verify what was reached',
  'Record the recovery',
  'Release the leases',
  'Publish the outcome',
];

test('a recovery waits for a second person, is planned, verified, recorded, and ends with what its new owner has to know', async () => {
  const { taken, end, output } = await follow('holdfast-recovery', {});

  assert.deepEqual([taken, end], [wayOfRecovery, 'success']);
  assert.deepEqual(output, {
    run: { backupId: 'b', needsApproval: true, beganAt: '2026-11-21T02:00:09Z' },
    plan: { point: 'time 02:00' },
    verification: { asked: 'time 02:00' },
    handOver: { next: ['psql'] },
  });
});

test('one that nobody has to approve asks nobody', async () => {
  const { taken, end } = await follow('holdfast-recovery', {
    'Admit the recovery request': () => ({ ...admitted, run: { ...admitted.run, needsApproval: false } }),
  });

  assert.deepEqual([taken, end], [wayOfRecovery.filter((state) => state !== 'Wait for a second person'), 'success']);
});

test('a recovery that is refused, or that nobody approves in time, ends under its own code, and nothing is planned', async () => {
  const failures: unknown[] = [];
  const told: Step = ({ failure: why }) => {
    failures.push(why);
    const { code, Error: caught } = why as { code?: string; Error?: string };
    return fails(code ?? caught ?? 'internal')();
  };

  const refused = await follow('holdfast-recovery', {
    'Wait for a second person': fails('recovery-refused'),
    'End as failed': told,
  });
  const expired = await follow('holdfast-recovery', {
    'Wait for a second person': fails('States.Timeout'),
    'End as failed': told,
  });

  const way = ['Admit the recovery request', 'Wait for a second person', ...wayOfFailure];
  assert.deepEqual([refused.taken, refused.end], [way, 'recovery-refused']);
  assert.deepEqual([expired.taken, expired.end], [way, 'approval-expired']);
  assert.equal((failures[0] as { Error: string }).Error, 'recovery-refused');
  assert.deepEqual(failures[1], {
    code: 'approval-expired',
    message: 'nobody approved it within 24 hours',
    hint: 'ask for it again, and have somebody else approve it in time',
  });
});

test('a recovery whose plan or verification fails is recorded, told, and ends as that', async () => {
  const planned = await follow('holdfast-recovery', { 'Plan the recovery': fails('point-unreachable') });
  const verified = await follow('holdfast-recovery', { 'Verify what was reached': fails('comparison-failed') });

  assert.deepEqual(planned.taken, [...wayOfRecovery.slice(0, 3), ...wayOfFailure]);
  assert.deepEqual(verified.taken, [...wayOfRecovery.slice(0, 5), ...wayOfFailure]);
});
