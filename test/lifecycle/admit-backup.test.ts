import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaseKey } from '../../lib/core/object-keys.ts';
import { backupRequestSchema } from '../../lib/core/requests.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { releaseLeases } from '../../lib/lifecycle/release-leases.ts';
import { releaseHeldBy } from '../../lib/store/lease.ts';
import { lifecycle } from './fixtures.ts';

const nightly = backupRequestSchema.parse({ target: 'orders', tier: 'daily', scheduledTime: '2026-11-21T02:00:00Z' });
const byHand = backupRequestSchema.parse({ target: 'orders' });

test('a schedule that fires twice gives one backup, and the second learns of the first', async () => {
  await using parts = await lifecycle();

  const first = await admitBackup(parts, {
    request: nightly,
    execution: 'first',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });
  const second = await admitBackup(parts, {
    request: nightly,
    execution: 'second',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });

  assert.equal(first.verdict, 'admitted');
  assert.equal(second.verdict, 'duplicate');
  assert.equal(second.duplicateOf, first.run.backupId);
});

test('a retried admission is the same run with the same lease', async () => {
  await using parts = await lifecycle();

  const first = await admitBackup(parts, {
    request: nightly,
    execution: 'one',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });
  const again = await admitBackup(parts, {
    request: nightly,
    execution: 'one',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });

  assert.deepEqual(again, first);
  assert.equal(first.verdict === 'admitted' && first.run.fencingToken, 1);
});

test('of two runs that race for a target, one runs and the other says who holds it and since when', async () => {
  await using parts = await lifecycle();

  const admissions = await Promise.all(
    ['left', 'right'].map((execution) =>
      admitBackup(parts, { request: byHand, execution, startedAt: '2026-11-21T02:00:00.000Z', redriveCount: 0 }),
    ),
  );

  const refused = admissions.find(({ verdict }) => verdict === 'refused');
  assert.deepEqual(admissions.map(({ verdict }) => verdict).toSorted(), ['admitted', 'refused']);
  assert.equal(refused?.verdict === 'refused' && refused.failure.code, 'lease-held');
  assert.match(
    refused?.verdict === 'refused' ? refused.failure.message : '',
    /is held by 'backup \d{8}T.*since 2026-11-21T02:00:00/,
  );
});

test('a daily and a weekly backup due at one time are two backups', async () => {
  await using parts = await lifecycle();

  const daily = await admitBackup(parts, {
    request: nightly,
    execution: 'daily',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });
  assert.equal(daily.verdict, 'admitted');
  await releaseLeases(parts, daily.run);
  const weekly = await admitBackup(parts, {
    request: { ...nightly, tier: 'weekly' },
    execution: 'weekly',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });

  assert.equal(weekly.verdict, 'admitted');
});

test('a redriven execution is a new backup', async () => {
  await using parts = await lifecycle();

  const first = await admitBackup(parts, {
    request: nightly,
    execution: 'one',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });
  assert.equal(first.verdict, 'admitted');
  await releaseLeases(parts, first.run);
  const redriven = await admitBackup(parts, {
    request: nightly,
    execution: 'one',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 1,
  });

  assert.equal(redriven.verdict, 'admitted');
  assert.notEqual(redriven.run.backupId, first.run.backupId);
});

test('an unknown target is named, with those that there are', async () => {
  await using parts = await lifecycle();

  await assert.rejects(
    admitBackup(parts, {
      request: backupRequestSchema.parse({ target: 'odrers' }),
      execution: 'one',
      startedAt: '2026-11-21T02:00:00.000Z',
      redriveCount: 0,
    }),
    { name: 'target-unknown', message: "no target is called 'odrers'", hint: "the configured targets are 'orders'" },
  );
});

test('what was asked for and begun is in the journal', async () => {
  await using parts = await lifecycle();

  await admitBackup(parts, {
    request: byHand,
    execution: 'one',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });

  assert.deepEqual(
    parts.recorded.map(({ event }) => event),
    ['backup-requested', 'backup-begun'],
  );
  const keys = (await Array.fromAsync(parts.store.list('journal/'))).map(({ key }) =>
    key.replace(/^journal\/[^/]+\//, ''),
  );
  assert.deepEqual(keys, [
    '010-backup-requested-20261121T020000000Z.json',
    '020-backup-begun-20261121T020000000Z.json',
  ]);
});

test('a request record that is damaged is named, and the next slot goes on', async () => {
  await using parts = await lifecycle();
  const first = await admitBackup(parts, {
    request: nightly,
    execution: 'one',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });
  assert.equal(first.verdict, 'admitted');
  await releaseLeases(parts, first.run);
  await parts.store.put('requests/orders/logical/20261121T020000Z-daily.json', Buffer.from('{"backupId":'));

  const again = admitBackup(parts, {
    request: nightly,
    execution: 'two',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });
  await assert.rejects(again, { name: 'corrupt', message: /request record 'requests\/orders\/logical\/20261121T02/ });

  const tomorrow = { ...nightly, scheduledTime: '2026-11-22T02:00:00Z' };
  const next = await admitBackup(parts, {
    request: tomorrow,
    execution: 'three',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });
  assert.equal(next.verdict, 'admitted');
});

test('a name that Step Functions lets be used again after 90 days is another execution, and another backup', async () => {
  await using parts = await lifecycle();
  const asked = { request: byHand, execution: 'by-hand', startedAt: '2026-11-21T02:00:00.000Z', redriveCount: 0 };

  const first = await admitBackup(parts, { ...asked, startedAt: '2026-08-01T02:00:00.000Z' });
  assert.equal(first.verdict, 'admitted');
  await releaseLeases(parts, first.run);
  const later = await admitBackup(parts, { ...asked, startedAt: '2026-11-21T02:00:00.000Z' });

  assert.equal(later.verdict, 'admitted');
  assert.notEqual(later.run.backupId, first.run.backupId);
});

test('a slot that is fired on two machines whose clocks are two hours apart is one backup', async () => {
  await using parts = await lifecycle();
  const at = (time: string) => ({ ...parts, clock: () => new Date(time) });
  const asked = { request: nightly, startedAt: '2026-11-21T02:00:00.000Z', redriveCount: 0 };

  const ahead = await admitBackup(at('2026-11-21T03:00:00Z'), { ...asked, execution: 'ahead' });
  const behind = await admitBackup(at('2026-11-21T01:00:00Z'), { ...asked, execution: 'behind' });

  assert.equal(ahead.verdict, 'admitted');
  assert.equal(behind.verdict, 'duplicate');
  assert.equal(behind.duplicateOf, ahead.run.backupId);
});

test('a queued request keeps its id and time, begins when it is admitted, and is no duplicate of its slot', async () => {
  await using parts = await lifecycle();
  const queued = backupRequestSchema.parse({
    target: 'orders',
    tier: 'daily',
    scheduledTime: '2026-11-21T02:00:00Z',
    backupId: '20261121T015000Z-0000000a',
    requestedAt: '2026-11-21T01:50:00.123Z',
    requestedBy: { kind: 'sql', name: 'anna' },
  });
  await admitBackup(parts, {
    request: nightly,
    execution: 'scheduled',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });
  await releaseHeldBy(parts.store, leaseKey(queued.target, 'logical'), { holder: 'scheduled', clock: parts.clock });

  const admitted = await admitBackup(parts, {
    request: queued,
    execution: 'queued',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });
  const redriven = await admitBackup(parts, {
    request: queued,
    execution: 'queued',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 1,
  });

  const events = parts.recorded.filter(({ operation }) => operation === queued.backupId);
  assert.equal(admitted.verdict, 'admitted');
  assert.deepEqual(
    events.map(({ event, at }) => [event, at]),
    [
      ['backup-requested', '2026-11-21T01:50:00.123Z'],
      ['backup-begun', '2026-11-21T02:00:00.000Z'],
    ],
  );
  assert.equal(redriven.verdict, 'admitted');
  assert.notEqual(redriven.run.backupId, queued.backupId);
});

test("a target's tenant is in the run and in its events", async () => {
  await using parts = await lifecycle();
  const [target] = parts.config.targets;
  assert.ok(target);
  const config = { ...parts.config, targets: [{ ...target, tenant: 'acme' }] };

  const admitted = await admitBackup(
    { ...parts, config },
    { request: byHand, execution: 'one', startedAt: '2026-11-21T02:00:00.000Z', redriveCount: 0 },
  );

  assert.equal(admitted.verdict === 'admitted' && admitted.run.tenant, 'acme');
  assert.deepEqual(
    parts.recorded.map(({ event, tenant }) => [event, tenant]),
    [
      ['backup-requested', 'acme'],
      ['backup-begun', 'acme'],
    ],
  );
});

test("a backup's format is the one asked for, or that of the target's entry of the same method and tier", async () => {
  await using parts = await lifecycle();
  const [target] = parts.config.targets;
  assert.ok(target);
  const backups = target.backups.map(
    (entry) => ({ ...entry, format: entry.tier === 'weekly' ? 'sql' : 'custom' }) as const,
  );
  const config = { ...parts.config, targets: [{ ...target, backups }] };
  const formatOf = async (request: Partial<typeof byHand>, execution: string) => {
    const admission = await admitBackup(
      { ...parts, config },
      { request: { ...byHand, ...request }, execution, startedAt: '2026-11-21T02:00:00.000Z', redriveCount: 0 },
    );
    if (admission.verdict !== 'admitted') assert.fail(admission.verdict);
    await releaseLeases(parts, admission.run);
    return [admission.run.method, admission.run.format];
  };

  assert.deepEqual(await formatOf({}, 'one'), ['logical', 'custom']);
  assert.deepEqual(await formatOf({ tier: 'weekly' }, 'two'), ['logical', 'sql']);
  assert.deepEqual(await formatOf({ format: 'sql' }, 'three'), ['logical', 'sql']);
  assert.deepEqual(await formatOf({ method: 'schema' }, 'four'), ['schema', 'custom']);
});
