import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alertText } from '../../lib/core/alert-text.ts';
import { type AlertRecord, delivered, givenUp, type Receiving, receive, type Signal } from '../../lib/core/alerts.ts';

const failed: Signal = {
  problem: 'backup-failed-orders-logical',
  kind: 'backup-failed',
  state: 'began',
  source: 'run',
  at: '2026-11-21T02:00:00.000Z',
  target: 'orders',
  message: "the backup of 'orders' failed: [source-busy] locked",
};
const mended: Signal = { ...failed, state: 'ended', at: '2026-11-21T05:00:00.000Z' };

const receiving = (now: string, more: Partial<Receiving> = {}): Receiving => ({
  now: new Date(now),
  channels: ['webhook', 'email'],
  repeatMs: 24 * 3_600_000,
  isCovered: false,
  claim: now,
  ...more,
});

/** The record after a signal, with everything delivered that was to be; and what that was. */
function told(record: AlertRecord | undefined, signal: Signal, given: Receiving) {
  const received = receive(record, signal, given);
  let settled = received ?? record;
  for (const channel of received?.pending?.channels ?? []) settled = settled && delivered(settled, channel, given);
  const { what, channels } = received?.pending ?? {};
  return { record: settled, pending: what === undefined ? null : { what, channels } };
}

test('a problem is told to every channel once, and so is its end', () => {
  const first = told(undefined, failed, receiving('2026-11-21T02:00:01Z'));
  const second = told(first.record, failed, receiving('2026-11-21T03:00:00Z'));
  const over = told(second.record, mended, receiving('2026-11-21T05:00:01Z'));
  const overAgain = told(over.record, mended, receiving('2026-11-21T06:00:00Z'));

  assert.deepEqual(first.pending, { what: 'began', channels: ['webhook', 'email'] });
  assert.equal(second.pending, null);
  assert.deepEqual(over.pending, { what: 'ended', channels: ['webhook', 'email'] });
  assert.equal(overAgain.pending, null);
  assert.deepEqual(
    [over.record?.since, over.record?.endedAt],
    ['2026-11-21T02:00:00.000Z', '2026-11-21T05:00:00.000Z'],
  );
});

test('a problem that comes again after a day is told again, with how often it came', () => {
  const first = told(undefined, failed, receiving('2026-11-21T02:00:00Z'));
  const second = told(first.record, { ...failed, at: '2026-11-22T02:00:00.000Z' }, receiving('2026-11-22T02:00:00Z'));

  assert.deepEqual(second.pending, { what: 'again', channels: ['webhook', 'email'] });
  assert.equal(second.record?.count, 2);
});

test('it is over when nobody sees it any more', () => {
  const byRun = told(undefined, failed, receiving('2026-11-21T02:00:00Z'));
  const byWatch = told(byRun.record, { ...failed, source: 'watch' }, receiving('2026-11-21T02:05:00Z'));
  const onlyWatch = told(byWatch.record, mended, receiving('2026-11-21T05:00:00Z'));
  const nobody = told(onlyWatch.record, { ...mended, source: 'watch' }, receiving('2026-11-21T05:05:00Z'));

  assert.deepEqual([byWatch.pending, onlyWatch.pending], [null, null]);
  assert.deepEqual(nobody.pending, { what: 'ended', channels: ['webhook', 'email'] });
});

test('a channel that was told nothing is told of no end, and the one that is left is told alone', () => {
  const received = receive(undefined, failed, receiving('2026-11-21T02:00:00Z'));
  assert.ok(received);
  const half = delivered(received, 'email', receiving('2026-11-21T02:00:00Z'));

  assert.deepEqual(half.pending?.channels, ['webhook']);
  const left = receive(half, failed, receiving('2026-11-21T02:01:00Z'));
  assert.deepEqual([left?.pending?.what, left?.pending?.channels, left?.count], ['began', ['webhook'], 1]);
  assert.deepEqual(told(half, mended, receiving('2026-11-21T05:00:00Z')).pending, {
    what: 'ended',
    channels: ['email'],
  });
});

test('what somebody is telling is left to him for a minute, and what he gave up to the next at once', () => {
  const first = receive(undefined, failed, receiving('2026-11-21T02:00:00Z', { claim: 'first' }));
  assert.ok(first);

  const meanwhile = receive(first, failed, receiving('2026-11-21T02:00:59Z', { claim: 'second' }));
  const later = receive(first, failed, receiving('2026-11-21T02:01:00Z', { claim: 'second' }));
  const given = givenUp(first, receiving('2026-11-21T02:00:10Z', { claim: 'first' }));
  const soon = receive(given, failed, receiving('2026-11-21T02:00:11Z', { claim: 'second' }));

  assert.deepEqual(
    [meanwhile, later, soon].map((record) => record?.pending?.claim),
    ['first', 'second', 'second'],
  );
  assert.equal(delivered(first, 'email', receiving('2026-11-21T02:00:10Z', { claim: 'second' })), first);
});

test('an alarm that sees a failure for a moment is quiet when it sees it no more, and within a day', () => {
  const alarm: Signal = { ...failed, problem: 'executions-failed-backup', kind: 'executions-failed', source: 'alarm' };
  const first = told(undefined, alarm, receiving('2026-11-21T02:00:00Z'));
  const quiet = told(first.record, { ...alarm, state: 'ended' }, receiving('2026-11-21T02:10:00Z'));
  const again = told(quiet.record, alarm, receiving('2026-11-21T04:00:00Z'));

  assert.deepEqual([first.pending?.what, quiet.pending, again.pending], ['began', null, null]);
});

test('an alarm of which another alert says more is noted and not told', () => {
  const covered = told(undefined, failed, receiving('2026-11-21T02:00:00Z', { isCovered: true }));

  assert.equal(covered.pending, null);
  assert.deepEqual(covered.record?.seenBy, { run: '2026-11-21T02:00:00.000Z' });
});

test('a message that was overtaken neither reopens what is over nor ends what came after it', () => {
  const first = told(undefined, failed, receiving('2026-11-21T02:00:00Z'));
  const over = told(first.record, mended, receiving('2026-11-21T05:00:00Z'));

  assert.equal(receive(over.record, failed, receiving('2026-11-21T05:01:00Z')), undefined);
  const next = told(over.record, { ...failed, at: '2026-11-21T06:00:00.000Z' }, receiving('2026-11-21T06:00:00Z'));
  assert.equal(next.pending?.what, 'began');
  assert.equal(receive(next.record, mended, receiving('2026-11-21T06:01:00Z')), undefined);
});

test('an end of which no beginning is known changes nothing', () => {
  assert.equal(receive(undefined, mended, receiving('2026-11-21T05:00:00Z')), undefined);
});

test('an alert says what happened, what it means, what to do first, and where to read on', () => {
  const { record } = told(undefined, failed, receiving('2026-11-21T02:00:00Z'));
  assert.ok(record);

  assert.deepEqual(alertText('began', record), {
    subject: 'Holdfast: critical: backup-failed-orders-logical',
    text: `CRITICAL: the backup of 'orders' failed: [source-busy] locked
It means: the newest backup is older than it should be, and older still with every run that fails.
First: holdfast probe orders
Runbook: docs/runbooks/backup-failed.md
Since 2026-11-21T02:00:00.000Z (backup-failed-orders-logical).`,
  });
  assert.match(
    alertText('began', record, { runbooks: 'https://wiki.example.com/holdfast/' }).text,
    /^Runbook: https:\/\/wiki\.example\.com\/holdfast\/backup-failed\.md$/m,
  );
  assert.equal(
    alertText('ended', { ...record, endedAt: '2026-11-21T05:00:00.000Z' }).text.split('\n')[0],
    "OVER since 2026-11-21T05:00:00.000Z: the backup of 'orders' failed: [source-busy] locked",
  );
});
