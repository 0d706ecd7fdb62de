import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CanaryState } from '../../lib/core/health.ts';
import { alertChannels } from '../../lib/lifecycle/alert-channels.ts';
import { canary, notify } from '../../lib/lifecycle/notify.ts';
import { readText } from '../../lib/store/text.ts';
import { mailService, mailTopic, webhookServer } from './alert-places.ts';
import { lifecycle } from './fixtures.ts';

/** An installation with a webhook and mail, both of which are really sent to. */
async function installation() {
  const stack = new AsyncDisposableStack();
  const place = stack.use(await lifecycle());
  const hook = stack.use(await webhookServer());
  const mail = stack.use(await mailService());
  let now = new Date('2026-11-21T02:00:00.000Z');
  const warnings: string[] = [];
  const dependencies = {
    config: place.config,
    store: place.store,
    installation: 'holdfast',
    channels: alertChannels({
      webhook: hook.url,
      emails: ['ops@example.com'],
      mailTopic,
      sns: mail.sns,
      waitMilliseconds: 1,
    }),
    clock: () => now,
    log: { info: () => {}, warn: (message: string) => warnings.push(message) },
  };
  return {
    ...place,
    hook,
    mail,
    warnings,
    dependencies,
    at(time: string) {
      now = new Date(time);
    },
    tell: (text: string) => notify(dependencies, text),
    news: async () => ({ webhook: hook.news(), email: await mail.news() }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const run = { operation: '20261121T020001Z-9f3c2a1b', target: 'orders', method: 'logical' };
const event = (type: string, detail: object): string =>
  JSON.stringify({ source: 'holdfast', 'detail-type': type, time: '2026-11-21T02:00:00Z', detail });
const failure = event('Backup Failed', { ...run, code: 'source-busy', message: 'a lock was not to be had' });
const completion = event('Backup Completed', run);
const alarm = (name: string, state: string): string =>
  JSON.stringify({
    AlarmName: `holdfast-${name}`,
    AlarmDescription: 'Something happened.\nIt means: much.',
    NewStateValue: state,
    StateChangeTime: '2026-11-21T02:05:00.000+0000',
  });

test('a failure is told by both channels once, however often it is delivered, and its end once', async () => {
  await using place = await installation();

  await place.tell(failure);
  await place.tell(failure);
  const began = await place.news();
  await place.tell(completion);
  await place.tell(completion);
  const over = await place.news();

  assert.deepEqual(began, {
    webhook: [
      "CRITICAL: the backup '20261121T020001Z-9f3c2a1b' of 'orders' failed: [source-busy] a lock was not to be had",
    ],
    email: ['Holdfast: critical: backup-failed-orders-logical'],
  });
  assert.deepEqual(over, {
    webhook: [
      "OVER since 2026-11-21T02:00:00.000Z: the backup '20261121T020001Z-9f3c2a1b' of 'orders' failed: [source-busy] a lock was not to be had",
    ],
    email: ['Holdfast: over: backup-failed-orders-logical'],
  });
});

test('one failure that is delivered ten times at once is one alert', async () => {
  await using place = await installation();

  await Promise.all(Array.from({ length: 10 }, () => place.tell(failure)));

  const { webhook, email } = await place.news();
  assert.deepEqual([webhook.length, email.length], [1, 1]);
});

test('an alarm about executions is not told beside the failure that it saw; of another machine it is', async () => {
  await using place = await installation();

  await place.tell(failure);
  await place.tell(alarm('executions-failed-backup', 'ALARM'));
  await place.tell(alarm('executions-failed-restore', 'ALARM'));
  const { email } = await place.news();

  assert.deepEqual(email, [
    'Holdfast: critical: backup-failed-orders-logical',
    'Holdfast: warning: executions-failed-restore',
  ]);
});

test('an alarm that nobody else has seen is told, and so is its end', async () => {
  await using place = await installation();

  await place.tell(alarm('watch-silent', 'ALARM'));
  await place.tell(alarm('watch-silent', 'OK'));

  assert.deepEqual((await place.news()).webhook, [
    'CRITICAL: Something happened',
    'OVER since 2026-11-21T02:05:00.000Z: Something happened',
  ]);
});

test('a webhook that is down is told by mail, is tried again by the next delivery, and is over when it answers', async () => {
  await using place = await installation();
  place.hook.answer.status = 500;

  await assert.rejects(place.tell(failure), {
    name: 'channel-down',
    message: /^the webhook at '127\.0\.0\.1:\d+' took nothing: it answered with status 500$/,
  });
  const down = await place.news();
  place.hook.answer.status = 200;
  await place.tell(failure);
  const up = await place.news();

  assert.deepEqual(down, {
    webhook: [],
    email: ['Holdfast: critical: backup-failed-orders-logical', 'Holdfast: critical: channel-down-webhook'],
  });
  assert.equal(up.webhook.length, 1);
  assert.match(up.webhook[0] ?? '', /^CRITICAL: the backup/);
  assert.deepEqual(up.email, ['Holdfast: over: channel-down-webhook']);
  assert.doesNotMatch(place.warnings.join(), /secret/);
});

test('the canary proves each channel, and says of one that is down since when', async () => {
  await using place = await installation();

  const well = await canary(place.dependencies);
  place.hook.answer.status = 503;
  place.at('2026-11-22T08:00:00.000Z');
  const ill = await canary(place.dependencies);

  assert.deepEqual(
    well.channels.map(({ channel, isWorking, detail }) => [channel, isWorking, detail]),
    [
      ['webhook', true, 'answered with status 200'],
      ['email', true, '1 of 1 addresses have confirmed'],
    ],
  );
  const [webhook] = ill.channels;
  assert.deepEqual([webhook?.isWorking, webhook?.workedAt], [false, '2026-11-21T02:00:00.000Z']);
  assert.deepEqual(place.hook.news(), ['Holdfast canary: alerts reach this channel. Nothing has been watched yet.']);
  assert.deepEqual(await place.mail.news(), ['Holdfast: critical: channel-down-webhook']);
  assert.deepEqual(JSON.parse((await readText(place.store, 'health/canary.json')) ?? ''), ill satisfies CanaryState);
});
