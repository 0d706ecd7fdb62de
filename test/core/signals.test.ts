import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signalsIn } from '../../lib/core/signals.ts';

const installation = 'holdfast';
const event = (type: string, detail: object): string =>
  JSON.stringify({ source: 'holdfast', 'detail-type': type, time: '2026-11-21T02:00:00Z', detail });
const told = (text: string): string[] =>
  signalsIn(text, { installation }).map(({ problem, state, source }) => `${problem} ${state} ${source}`);

test('an alarm is the problem that it is named after', () => {
  const alarm = (NewStateValue: string): string =>
    JSON.stringify({
      AlarmName: 'holdfast-no-backup-orders-logical',
      AlarmDescription: "No complete logical backup of 'orders' in 26 hours.\nIt means: …",
      NewStateValue,
      NewStateReason: 'Threshold Crossed',
      StateChangeTime: '2026-11-21T02:00:00.123+0000',
    });

  assert.deepEqual(signalsIn(alarm('ALARM'), { installation }), [
    {
      problem: 'no-backup-orders-logical',
      kind: 'no-backup',
      state: 'began',
      source: 'alarm',
      at: '2026-11-21T02:00:00.123Z',
      target: null,
      message: "No complete logical backup of 'orders' in 26 hours",
    },
  ]);
  assert.deepEqual(told(alarm('OK')), ['no-backup-orders-logical ended alarm']);
  assert.deepEqual(told(alarm('INSUFFICIENT_DATA')), []);
});

test('a failed backup is told by its kind, and a complete one mends what earlier ones failed of', () => {
  const run = { operation: '20261121T020001Z-9f3c2a1b', target: 'orders', method: 'logical' };

  assert.deepEqual(told(event('Backup Failed', { ...run, code: 'source-busy', message: 'locked' })), [
    'backup-failed-orders-logical began run',
  ]);
  assert.deepEqual(told(event('Backup Failed', { ...run, code: 'task-not-started', message: 'no capacity' })), [
    'task-not-started began run',
  ]);
  assert.deepEqual(told(event('Backup Completed', run)), [
    'backup-failed-orders-logical ended run',
    'validation-failed-orders-logical ended run',
    'task-not-started ended run',
  ]);
});

test('a recovery waits for somebody until it begins or is declined, each for itself', () => {
  const waiting = {
    operation: '20261122T090000Z-1a2b3c4d',
    target: 'orders',
    into: 'stage',
    message: 'who approves it?',
  };

  assert.deepEqual(signalsIn(event('Recovery Awaits Approval', waiting), { installation }), [
    {
      problem: 'approval-awaited-20261122T090000Z-1a2b3c4d',
      kind: 'approval-awaited',
      state: 'began',
      source: 'run',
      at: '2026-11-21T02:00:00.000Z',
      target: 'stage',
      message: 'who approves it?',
    },
  ]);
  assert.deepEqual(told(event('Recovery Begun', waiting)), ['approval-awaited-20261122T090000Z-1a2b3c4d ended run']);
  const declined = { ...waiting, code: 'recovery-refused', message: "'berta' refused it" };
  assert.deepEqual(told(event('Recovery Declined', declined)), [
    'approval-awaited-20261122T090000Z-1a2b3c4d ended run',
  ]);
  assert.equal(
    signalsIn(event('Recovery Declined', declined), { installation })[0]?.message,
    "the recovery '20261122T090000Z-1a2b3c4d' into 'stage' does not run: 'berta' refused it",
  );
});

test('what the watch notices is told as it says, and restores by where they went', () => {
  const problem = { problem: 'catalog-down', kind: 'catalog-down', severity: 'warning', target: null, message: 'away' };

  assert.deepEqual(told(event('Problem Began', problem)), ['catalog-down began watch']);
  assert.deepEqual(told(event('Problem Ended', problem)), ['catalog-down ended watch']);
  assert.deepEqual(told(event('Restore Failed', { operation: 'r', target: 'orders', into: 'stage' })), [
    'restore-failed-stage began run',
  ]);
});

test('a message that is neither is refused', () => {
  assert.throws(() => signalsIn('hello', { installation }), { name: 'usage' });
  assert.throws(() => signalsIn(event('Backup Moved', {}), { installation }), { name: 'usage' });
});
