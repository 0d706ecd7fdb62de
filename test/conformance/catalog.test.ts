import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { Client } from 'pg';
import { connectCatalog } from '../../lib/catalog/connect.ts';
import { migrateCatalog } from '../../lib/catalog/migrate.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import { newOperationId } from '../../lib/core/ids.ts';
import type { JournalEvent } from '../../lib/core/journal.ts';
import { emptyCatalog, newCatalog, newDatabase, settingsFor, tables } from '../catalog/catalog-database.ts';
import {
  begun,
  completed,
  declared,
  failed,
  recoveryEnded,
  recoveryRequested,
  requested,
  schedule,
  targetsDeclared,
  validationEnded,
  verified,
} from '../catalog/events.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';

const life: readonly JournalEvent[] = [
  declared('2026-11-20T12:00:00.000Z', [schedule()]),
  requested({ parent: '20261120T020000Z-aaaaaaaa' }),
  begun(),
  completed(),
  recoveryRequested(),
  recoveryEnded(),
  verified(),
  validationEnded(),
];

/** The columns that operators' queries rely on, as they were promised. */
const promisedColumns =
  'backup_hk, backup_bk, backup_type, backup_status, backup_start_time, backup_end_time, backup_duration_seconds, backup_size_bytes, compressed_size_bytes, compression_ratio, verification_status, error_message, storage_location, storage_type, retention_until, load_date, load_end_date';

for (const major of [15, 17, 18] as const) {
  describe(`the catalog on PostgreSQL ${major}`, () => {
    test('keeps its promises on tables, roles, rows and questions', async (t) => {
      await using server = await postgresServer({ major });

      // First, while the server has none of the roles: on RDS nobody is superuser, and IAM logs in.
      await t.test('an owner who is no superuser migrates it, and works as the writer', () =>
        ownedByNoSuperuser(server),
      );

      // Second, in another database of the same server, when the roles are there and another's.
      await using catalog = await newCatalog(server);
      const { owner, writer } = catalog;

      await t.test('it has its tables, 15 secondary indexes or more, and the promised columns', async () => {
        const found = await owner.query<{ tablename: string }>(
          "select tablename from pg_tables where schemaname = 'backup_mgmt' order by tablename",
        );
        const indexes = await owner.query<{ count: number }>(
          `select count(*) as count from pg_index
           join pg_class as relation on relation.oid = indrelid
           where relation.relnamespace = 'backup_mgmt'::regnamespace
             and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u'))`,
        );
        const columns = await owner.query(`select ${promisedColumns} from backup_mgmt.backup_execution_s`);

        assert.deepEqual(
          found.rows.map(({ tablename }) => tablename),
          [...tables],
        );
        assert.equal(indexes.rows[0]?.count, 28);
        assert.equal(columns.fields.length, 17);
      });

      await t.test('events become rows in all tables', async () => {
        for (const event of life) await applyEvents(writer, [event]);

        const counts: Record<string, number> = {};
        for (const table of tables) {
          const { rows } = await owner.query<{ count: number }>(`select count(*) as count from backup_mgmt.${table}`);
          counts[table] = rows[0]?.count ?? 0;
        }
        assert.deepEqual(counts, {
          backup_execution_h: 2,
          backup_execution_parent_l: 1,
          backup_execution_s: 4,
          backup_schedule_execution_l: 1,
          backup_schedule_h: 1,
          backup_schedule_s: 1,
          recovery_operation_execution_l: 1,
          recovery_operation_h: 1,
          recovery_operation_s: 2,
          validation_results: 1,
        });
      });

      await t.test('a hash key is the SHA-256 of its business key in UTF-8', async () => {
        const { rows } = await owner.query(
          `select
             (select bool_and(backup_hk = sha256(convert_to(backup_bk, 'UTF8'))) from backup_mgmt.backup_execution_h) as backup,
             (select bool_and(schedule_hk = sha256(convert_to(schedule_bk, 'UTF8'))) from backup_mgmt.backup_schedule_h) as schedule,
             (select bool_and(l.schedule_execution_hk = sha256(convert_to(s.schedule_bk || e'\\x1f' || b.backup_bk, 'UTF8')))
              from backup_mgmt.backup_schedule_execution_l as l
              join backup_mgmt.backup_schedule_h as s using (schedule_hk)
              join backup_mgmt.backup_execution_h as b using (backup_hk)) as link`,
        );

        assert.deepEqual(rows, [{ backup: true, schedule: true, link: true }]);
      });

      await t.test('a status outside the list is refused, and so is a second current row', async () => {
        const change = (assignment: string) =>
          owner.query(`update backup_mgmt.backup_execution_s set ${assignment} where backup_status = 'RUNNING'`);

        await assert.rejects(change("backup_status = 'DONE'"), { constraint: 'backup_execution_s_status_known' });
        await assert.rejects(change('load_end_date = null'), { constraint: 'backup_execution_s_current' });
      });

      await t.test('backup_operator reads, inserts and updates, and does nothing else', () => operatorMay(owner));

      await t.test('holdfast_writer closes satellite rows and changes nothing else in them', async () => {
        await writer.query(
          "update backup_mgmt.backup_execution_s set load_end_date = now() where backup_status = 'none'",
        );
        for (const statement of [
          "update backup_mgmt.backup_execution_s set backup_status = 'COMPLETED'",
          'delete from backup_mgmt.backup_execution_h',
          'delete from holdfast.applied_event',
          "update holdfast.applied_event set operation = 'other'",
          'truncate backup_mgmt.backup_execution_s',
          'create table backup_mgmt.mine (id int)',
        ]) {
          await assert.rejects(writer.query(statement), { code: '42501' }, statement);
        }
      });

      await t.test('every question of docs/catalog.md has its answer', async () => {
        await emptyCatalog(owner);
        await applyEvents(writer, recentHistory());
        await owner.query('set role backup_operator');
        try {
          const answers = [];
          for (const question of documentedQueries('Questions')) answers.push((await owner.query(question)).rows);

          const [perDay = [], perType = [], failures = [], lastDay = []] = answers;
          const sum = (column: string): number => perDay.reduce((total, row) => total + Number(row[column]), 0);
          assert.equal(answers.length, 15);
          assert.deepEqual([sum('backups'), sum('completed'), sum('failed')], [3, 2, 1]);
          assert.deepEqual(perType, [
            { backup_type: 'FULL', backups: 2, total: '8000 MB', stored: '2000 MB', average_ratio: 4 },
            { backup_type: 'INCREMENTAL', backups: 1, total: '1000 MB', stored: '500 MB', average_ratio: 2 },
          ]);
          assert.deepEqual(
            failures.map(({ target, error_message }) => [target, error_message]),
            [['orders', "server 'db.internal:5432' refused the connection"]],
          );
          assert.deepEqual(
            lastDay.map(({ target, backup_size_bytes }) => [target, backup_size_bytes]),
            [['orders', 1_048_576_000]],
          );
        } finally {
          await owner.query('reset role');
        }
      });

      await t.test('the documented functions, views and the audit trail answer an operator', () =>
        operatorAsks(catalog),
      );

      await t.test('a tenant reads its own rows in tables and views', async () => {
        await owner.query(
          `create role acme_app in role backup_tenant; insert into holdfast.tenant_role values ('acme_app', 'acme')`,
        );
        await owner.query('set role acme_app');
        try {
          const backups = await owner.query('select distinct target from backup_mgmt.backup_execution_s');
          const requests = await owner.query('select target from backup_mgmt.requests');
          const [row] = (await owner.query('select target from backup_mgmt.create_full_backup()')).rows;

          assert.deepEqual(backups.rows, [{ target: 'stock' }]);
          assert.deepEqual(requests.rows, [{ target: 'stock' }]);
          assert.deepEqual(row, { target: 'stock' });
        } finally {
          await owner.query('reset role');
        }
      });
    });
  });
}

/** The functions and views of docs/catalog.md, as written there, over the history of the questions and a tenant's target. */
async function operatorAsks({ owner, writer }: { readonly owner: Client; readonly writer: Client }): Promise<void> {
  await emptyCatalog(owner);
  await applyEvents(writer, [
    ...recentHistory(),
    targetsDeclared('2026-11-20T11:00:00.000Z', [{ name: 'orders' }, { name: 'stock', tenant: 'acme' }]),
    declared('2026-11-20T12:00:00.000Z', [schedule({ cron: '0 * * * *', timezone: 'UTC' })]),
  ]);
  await owner.query('set role backup_operator');
  try {
    const answers: Record<string, unknown>[][] = [];
    for (const section of ['Functions', 'Audit trail', 'Views'])
      for (const question of documentedQueries(section)) answers.push((await owner.query(question)).rows);

    const [
      all = [],
      one = [],
      later = [],
      next = [],
      queue = [],
      trail = [],
      perDay = [],
      perType = [],
      failures = [],
      lastDay = [],
    ] = answers;
    assert.equal(answers.length, 10);
    assert.deepEqual(
      all.map(({ target, backup_status }) => [target, backup_status]),
      [
        ['orders', 'REQUESTED'],
        ['stock', 'REQUESTED'],
      ],
    );
    assert.deepEqual([one[0]?.['tier'], later[0]?.['target']], ['weekly', 'orders']);
    assert.equal(next.length, 73);
    assert.equal(queue.length, 4);
    assert.ok(trail.length >= 4);
    const sum = (column: string): number => perDay.reduce((total, row) => total + Number(row[column]), 0);
    assert.deepEqual([sum('backups'), sum('completed'), sum('failed')], [7, 2, 1]);
    assert.deepEqual(
      perType.map(({ backup_type, backups, total_size_bytes, average_compression_ratio }) => [
        backup_type,
        backups,
        Number(total_size_bytes),
        average_compression_ratio,
      ]),
      [
        ['FULL', 2, 8_388_608_000, 4],
        ['INCREMENTAL', 1, 1_048_576_000, 2],
      ],
    );
    assert.deepEqual(failures[0]?.['error_message'], "server 'db.internal:5432' refused the connection");
    assert.deepEqual(
      lastDay.map(({ target, backup_size_bytes }) => [target, backup_size_bytes]),
      [['orders', 1_048_576_000]],
    );
    for (const view of ['backup_sizes_by_type', 'failed_backups', 'requests', 'audit_trail'])
      await assert.rejects(owner.query(`delete from backup_mgmt.${view}`));
  } finally {
    await owner.query('reset role');
  }
}

async function ownedByNoSuperuser(server: PostgresServer): Promise<void> {
  const settings = settingsFor(server, await newDatabase(server));
  {
    await using superuser = await connectCatalog({ ...settings, role: 'owner' });
    await superuser.client.query("create role landlord login createrole password 'landlord'");
    await superuser.client.query('create role rds_iam');
    await superuser.client.query('grant rds_iam to landlord with admin option');
    await superuser.client.query(`alter database ${settings.database} owner to landlord`);
  }
  const landlord = { ...settings, user: 'landlord', auth: { kind: 'password', password: 'landlord' } as const };
  await using owner = await connectCatalog({ ...landlord, role: 'owner' });

  await migrateCatalog(owner.client);
  await using writer = await connectCatalog(landlord);
  const result = await applyEvents(writer.client, life);

  assert.deepEqual(result, { applied: 8, known: 0 });
  const { rows } = await owner.client.query(
    "select current_user, pg_has_role('holdfast_writer', 'rds_iam', 'member') as is_iam_user",
  );
  assert.deepEqual(rows, [{ current_user: 'landlord', is_iam_user: true }]);
}

async function operatorMay(owner: Client): Promise<void> {
  await owner.query('set role backup_operator');
  try {
    for (const table of tables) await owner.query(`select * from backup_mgmt.${table}`);
    await owner.query(
      `insert into backup_mgmt.backup_execution_h (backup_hk, backup_bk, load_date, record_source)
       values (sha256('by hand'), 'by hand', now(), 'anna')`,
    );
    await owner.query(
      "update backup_mgmt.backup_execution_h set record_source = 'anna, corrected' where backup_bk = 'by hand'",
    );
    for (const statement of [
      "delete from backup_mgmt.backup_execution_h where backup_bk = 'by hand'",
      'truncate backup_mgmt.backup_execution_s',
      'create table backup_mgmt.mine (id int)',
      "create function backup_mgmt.mine() returns int language sql as 'select 1'",
      'alter table backup_mgmt.backup_execution_h add column mine int',
      'drop table backup_mgmt.backup_execution_h cascade',
      'select * from holdfast.applied_event',
      'create table holdfast.mine (id int)',
      'create schema mine',
      'create role mine',
    ]) {
      await assert.rejects(owner.query(statement), { code: '42501' }, statement);
    }
  } finally {
    await owner.query('reset role');
  }
  const { rows } = await owner.query(
    `select rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls from pg_roles where rolname = 'backup_operator'`,
  );
  assert.deepEqual(rows, [
    { rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolcanlogin: false, rolbypassrls: false },
  ]);
}

/** The statements of the SQL blocks of a section of docs/catalog.md, in order. */
function documentedQueries(section: string): readonly string[] {
  const text = readFileSync(path.join(import.meta.dirname, '../../docs/catalog.md'), 'utf8');
  const [, part = ''] = text.split(`\n## ${section}\n`);
  const [body = ''] = part.split('\n## ');
  return [...body.matchAll(/```sql\n(.*?)```/gs)].flatMap(([, sql = '']) => sql.trim().split(/(?<=;)\n/));
}

/** Two full backups (2 and 20 days ago), an incremental one an hour ago, and a failure yesterday: the questions ask about now(). */
function recentHistory(): readonly JournalEvent[] {
  const hoursAgo = (hours: number, plusSeconds = 0): Date =>
    new Date(Date.now() - hours * 3_600_000 + plusSeconds * 1000);
  const run = (
    hours: number,
    tail: string,
    ending: typeof completed,
    sizesMiB: readonly [number, number],
    parent?: string,
  ) => {
    const operation = newOperationId(hoursAgo(hours), tail);
    const at = hoursAgo(hours).toISOString();
    const endedAt = hoursAgo(hours, 60).toISOString();
    return [
      requested({ operation, at, parent: parent ?? null }),
      begun({ operation, at }),
      ending({
        operation,
        at: endedAt,
        endedAt,
        ...(ending === completed && {
          beganAt: at,
          plainBytes: sizesMiB[0] * 1_048_576,
          storedBytes: sizesMiB[1] * 1_048_576,
        }),
      }),
    ];
  };
  const parent = newOperationId(hoursAgo(48), '00000002');
  return [
    ...run(480, '00000001', completed, [4000, 1000]),
    ...run(48, '00000002', completed, [4000, 1000]),
    ...run(30, '00000003', failed, [0, 0]),
    ...run(1, '00000004', completed, [1000, 500], parent),
  ];
}
