import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { applyEvents } from '../../lib/catalog/project.ts';
import { schedulerCron } from '../../lib/core/schedule-expression.ts';
import { parseScheduleExpression } from '../../lib/local/schedules/schedule-expression.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { newCatalog } from './catalog-database.ts';
import { declared, schedule } from './events.ts';

let server: PostgresServer;
let catalog: Awaited<ReturnType<typeof newCatalog>>;
before(async () => {
  server = await postgresServer({ major: 17 });
  catalog = await newCatalog(server);
});
after(async () => {
  await catalog[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function inSql(pattern: string, timezone: string, from: Date, until: Date): Promise<readonly (string | null)[]> {
  const { rows } = await catalog.owner.query<{ at: string | null }>(
    'select at from holdfast.cron_times($1, $2, $3, $4) as at',
    [pattern, timezone, from, until],
  );
  return rows.map(({ at }) => at);
}

/** When the scheduler of the local stack, which does as EventBridge's, fires. */
function byScheduler(pattern: string, timezone: string, from: Date, until: Date): readonly string[] {
  const next = parseScheduleExpression(schedulerCron(pattern), timezone, from);
  const times: string[] = [];
  const seen = new Set<string>();
  for (let time = next(from); time !== undefined && time <= until; time = next(time)) {
    // croner fires a second time what comes twice in the half hour by which Lord Howe's clocks go back, when another minute is due before it.
    const local = time.toLocaleString('en', { timeZone: timezone });
    if (!seen.has(local)) times.push(time.toISOString());
    seen.add(local);
  }
  return times;
}

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'America/Sao_Paulo',
  'Pacific/Auckland',
] as const;

test('a local time that clocks leap over is left out, and one that comes twice counts the first time', async () => {
  const spring = await inSql(
    '30 2 * * *',
    'Europe/Berlin',
    new Date('2026-03-27T12:00Z'),
    new Date('2026-03-31T12:00Z'),
  );
  const autumn = await inSql(
    '30 2 * * *',
    'Europe/Berlin',
    new Date('2026-10-24T12:00Z'),
    new Date('2026-10-26T12:00Z'),
  );
  const halfHour = await inSql('45 1 * * *', 'Australia/Lord_Howe', new Date('2026-04-03Z'), new Date('2026-04-05Z'));

  assert.deepEqual(spring, ['2026-03-28T01:30:00.000Z', '2026-03-30T00:30:00.000Z', '2026-03-31T00:30:00.000Z']);
  assert.deepEqual(autumn, ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
  assert.deepEqual(halfHour, ['2026-04-03T14:45:00.000Z', '2026-04-04T14:45:00.000Z']);
});

test('the last Friday, the second Monday and the last day of a month are found', async () => {
  const inDecember = (pattern: string) =>
    inSql(pattern, 'UTC', new Date('2026-12-01T12:00Z'), new Date('2026-12-31T12:00Z'));

  assert.deepEqual(await inDecember('0 0 * * 5L'), ['2026-12-25T00:00:00.000Z']);
  assert.deepEqual(await inDecember('0 0 * * 1#2'), ['2026-12-14T00:00:00.000Z']);
  assert.deepEqual(await inDecember('0 0 L * *'), ['2026-12-31T00:00:00.000Z']);
});

test('all patterns are due when the scheduler fires them, in every zone, through a year and its clock changes', async () => {
  const numbers = (first: number, last: number): fc.Arbitrary<string> =>
    fc.oneof(
      fc.constant('*'),
      fc.integer({ min: first, max: last }).map(String),
      fc
        .tuple(fc.integer({ min: first, max: last }), fc.integer({ min: first, max: last }))
        .map(([a, b]) => (a <= b ? `${a}-${b}` : `${b}-${a}`)),
      fc.integer({ min: 2, max: Math.max(2, last >> 1) }).map((step) => `*/${step}`),
      fc
        .uniqueArray(fc.integer({ min: first, max: last }), { minLength: 2, maxLength: 3 })
        .map((list) => list.join(',')),
    );
  const pattern = fc
    .tuple(
      fc.oneof(fc.integer({ min: 0, max: 59 }).map(String), fc.constantFrom('0,30', '*/20', '15-17')),
      fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom('1', '2', '3', '0,2', '*') },
        { weight: 2, arbitrary: numbers(0, 23) },
      ),
      fc.oneof(
        numbers(1, 28).map((day) => [day, '*']),
        numbers(0, 6).map((day) => ['*', day]),
        fc.constantFrom(['L', '*'], ['*', '7'], ['*', 'MON-FRI'], ['*', 'SUN'], ['*', '5-7']),
      ),
      fc.oneof(numbers(1, 12), fc.constantFrom('*', 'MAR,OCT')),
    )
    .map(([minute, hour, [day, weekday], month]) => `${minute} ${hour} ${day} ${month} ${weekday}`);

  await fc.assert(
    fc.asyncProperty(
      pattern,
      fc.constantFrom(...zones),
      fc.date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true }),
      fc.constantFrom(1, 9, 40),
      async (cron, zone, start, days) => {
        const from = new Date(Math.floor(start.getTime() / 1000) * 1000);
        const until = new Date(from.getTime() + days * 86_400_000);
        assert.deepEqual(await inSql(cron, zone, from, until), byScheduler(cron, zone, from, until), `${cron} ${zone}`);
      },
    ),
    {
      numRuns: 400,
      examples: [
        ['30 2 * * *', 'Europe/Berlin', new Date('2026-03-27'), 9],
        ['0 0 L * *', 'UTC', new Date('2026-01-01'), 40],
      ],
    },
  );
});

test('what is due lists schedules that are enabled and backups for later, in order', async () => {
  await applyEvents(catalog.writer, [
    declared('2026-11-20T12:00:00.000Z', [
      schedule({ cron: '0 * * * *', timezone: 'UTC' }),
      schedule({ name: 'orders-weekly', tier: 'weekly', cron: '30 * * * *', timezone: 'UTC' }),
      schedule({ name: 'orders-off', enabled: false, cron: '* * * * *' }),
      schedule({ name: 'orders-odd', cron: '0 0 15W * *' }),
    ]),
  ]);

  const { rows } = await catalog.owner.query('select * from backup_mgmt.get_next_scheduled_backups(3)');

  const names = rows.map(({ schedule_bk }) => schedule_bk);
  assert.deepEqual(names.filter((name) => name === 'orders-daily-logical').length, 3);
  assert.deepEqual(names.filter((name) => name === 'orders-weekly').length, 3);
  assert.equal(names.includes('orders-off'), false);
  assert.deepEqual(rows.at(-1), {
    next_run: null,
    schedule_bk: 'orders-odd',
    backup_bk: null,
    target: 'orders',
    engine: 'postgres',
    method: 'logical',
    tier: 'daily',
    cron_expression: '0 0 15W * *',
    timezone: 'Europe/Berlin',
    tenant_hk: null,
  });
  const times = rows.flatMap(({ next_run }) => (next_run === null ? [] : [Date.parse(next_run)]));
  assert.deepEqual(times, times.toSorted());
  for (const hours of ['0', '-1', '9000', 'null'])
    await assert.rejects(catalog.owner.query(`select * from backup_mgmt.get_next_scheduled_backups(${hours})`), {
      code: 'ZH002',
    });
});
