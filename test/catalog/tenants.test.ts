import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Client } from 'pg';
import { type CatalogConnection, connectCatalog } from '../../lib/catalog/connect.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { newCatalog, settingsFor, tables } from './catalog-database.ts';
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
} from './events.ts';

let server: PostgresServer;
let catalog: Awaited<ReturnType<typeof newCatalog>>;
/** Sessions: of acme, of a role without a tenant, of somebody who stands for both tenants, and of an operator. */
let acme: CatalogConnection;
let nobody: CatalogConnection;
let both: CatalogConnection;
let operator: CatalogConnection;

const ids = {
  acme: '20261121T020000Z-aaaaaaaa',
  umbrella: '20261121T020000Z-bbbbbbbb',
  system: '20261121T020000Z-cccccccc',
};
const failures = {
  acme: '20261121T030000Z-aaaaaaaa',
  umbrella: '20261121T030000Z-bbbbbbbb',
  system: '20261121T030000Z-cccccccc',
};
const recoveries = {
  acme: '20261121T090000Z-aaaaaaaa',
  umbrella: '20261121T090000Z-bbbbbbbb',
  system: '20261121T090000Z-cccccccc',
};
const validations = {
  acme: '20261121T020430Z-aaaaaaaa',
  umbrella: '20261121T020430Z-bbbbbbbb',
  system: '20261121T020430Z-cccccccc',
};
const owners = [
  ['acme', 'orders'],
  ['umbrella', 'stock'],
  ['system', 'books'],
] as const;

before(async () => {
  server = await postgresServer({ major: 17 });
  catalog = await newCatalog(server);
  const now = new Date(Date.now() - 3_600_000).toISOString();
  await applyEvents(catalog.writer, [
    targetsDeclared(
      '2026-11-20T11:00:00.000Z',
      owners.map(([owner, name]) => ({ name, tenant: owner === 'system' ? null : owner })),
      { machines: ['backup', 'restore', 'recovery', 'restore-test', 'cleanup'] },
    ),
    declared(
      '2026-11-20T12:00:00.000Z',
      owners.map(([owner, target]) =>
        schedule({ name: `${target}-daily`, target, tenant: owner === 'system' ? null : owner }),
      ),
    ),
    ...owners.flatMap(([owner, target]) => {
      const base = { tenant: owner === 'system' ? null : owner };
      const run = { ...base, operation: ids[owner] };
      return [
        requested({
          ...run,
          target,
          requestedBy: { kind: 'schedule', name: `${target}-daily` },
          parent: failures[owner],
        }),
        begun(run),
        completed({ ...run, at: now, beganAt: now, endedAt: now }),
        validationEnded({ ...base, operation: validations[owner], backupId: ids[owner], target }),
        requested({ ...base, operation: failures[owner], target }),
        failed({ ...base, operation: failures[owner] }),
        recoveryRequested({ ...base, operation: recoveries[owner], target, backupId: ids[owner] }),
        recoveryEnded({ ...base, operation: recoveries[owner] }),
      ];
    }),
  ]);
  await catalog.owner.query(`
    create role acme_app login password 'x' in role backup_tenant;
    create role nobody_app login password 'x' in role backup_tenant;
    create role both_app login password 'x' in role backup_tenant;
    create role ops login password 'x' in role backup_operator;
    insert into holdfast.tenant_role values ('acme_app', 'acme'), ('both_app', 'acme'), ('both_app', 'umbrella')`);
  await catalog.owner.query('select * from backup_mgmt.create_full_backup()');
  await catalog.owner.query('analyze');
  const as = (user: string) =>
    connectCatalog({
      ...settingsFor(server, catalog.database),
      user,
      auth: { kind: 'password', password: 'x' },
      role: 'owner',
    });
  [acme, nobody, both, operator] = await Promise.all([as('acme_app'), as('nobody_app'), as('both_app'), as('ops')]);
});
after(async () => {
  for (const session of [acme, nobody, both, operator, catalog]) await session?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const views = [
  'audit_trail',
  'backup_sizes_by_type',
  'backup_success_by_day',
  'backups_completed_last_24_hours',
  'failed_backups',
  'requests',
] as const;

/** Everything that a session reads, as text: all rows of all tables and views. */
async function everything(client: Client): Promise<string> {
  const parts: string[] = [];
  for (const name of [...tables, ...views]) {
    const { rows } = await client.query(`select * from backup_mgmt.${name}`);
    parts.push(...rows.map((row) => `${name} ${JSON.stringify(row, (_, value) => hexOf(value))}`));
  }
  return parts.join('\n');
}

/** A key in a row is bytes, and JSON has them as a list of numbers. */
const hexOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
    ? Buffer.from(value.data as number[]).toString('hex')
    : value;

/** What is umbrella's or the system's, in any form in which a row may have it. */
const foreign = /umbrella|bbbbbbbb|cccccccc|stock|books/;

const denied = (client: Client, statement: string, code = '42501'): Promise<void> =>
  assert.rejects(client.query(statement), { code }, statement);

test('a tenant reads its own rows in every table and view, and nothing of anybody else', async () => {
  const seen = await everything(acme.client);

  for (const name of tables) assert.match(seen, new RegExp(`^${name} `, 'm'));
  for (const name of views) assert.match(seen, new RegExp(`^${name} `, 'm'));
  assert.match(seen, /orders/);
  assert.doesNotMatch(seen, foreign);
  const { rows } = await acme.client.query(
    'select count(*) as backups, sum(backups) as counted from backup_mgmt.backup_sizes_by_type',
  );
  assert.deepEqual(rows, [{ backups: 1, counted: 1 }]);
});

test('an operator reads all rows, a role without a tenant none, and one of two tenants those of both', async () => {
  assert.match(await everything(operator.client), /cccccccc/);
  assert.equal((await everything(nobody.client)).replaceAll(/^.*null.*$/gm, ''), '');
  const seen = await everything(both.client);
  assert.match(seen, /aaaaaaaa/);
  assert.match(seen, /bbbbbbbb/);
  assert.doesNotMatch(seen, /cccccccc|books/);
});

test('a function with side effects in a query is never shown the rows of others', async () => {
  const { client } = acme;
  const leaked: string[] = [];
  client.on('notice', ({ message }) => leaked.push(message ?? ''));
  await client.query(`create function pg_temp.leak(anyelement) returns boolean language plpgsql cost 0.0000001
    as $$ begin raise notice 'saw %', $1::text; return true; end $$`);

  for (const name of [...tables, ...views])
    await client.query(`select * from backup_mgmt.${name} as seen where pg_temp.leak(seen::text)`);
  await client.query(
    'select * from backup_mgmt.backup_execution_s where pg_temp.leak(target) or pg_temp.leak(backup_bk)',
  );
  await client.query(
    'select * from backup_mgmt.backup_execution_s where 1 / (case target when $1 then 0 else 1 end) = 1',
    ['stock'],
  );

  assert.ok(leaked.length > 15, String(leaked.length));
  assert.doesNotMatch(leaked.join('\n'), foreign);
});

test('statistics, copies, cursors and prepared statements show a tenant nothing of others', async () => {
  const { client } = acme;
  const seen: string[] = [];
  for (const name of tables) {
    const { stdout } = await promisify(execFile)(
      path.join(server.binDir, 'psql'),
      [
        '-XAtc',
        `copy backup_mgmt.${name} to stdout`,
        `host=127.0.0.1 port=${server.port} user=acme_app dbname=${catalog.database}`,
      ],
      { env: { PGPASSWORD: 'x' } },
    );
    assert.notEqual(stdout, '', name);
    seen.push(stdout);
  }
  const { rows } = await client.query("select * from pg_stats where schemaname in ('backup_mgmt', 'holdfast')");
  await client.query('begin');
  await client.query('declare all_rows cursor for select * from backup_mgmt.backup_execution_s');
  seen.push(JSON.stringify((await client.query('fetch all from all_rows')).rows));
  await client.query('rollback');
  seen.push(JSON.stringify((await client.query({ name: 'p', text: 'select * from backup_mgmt.requests' })).rows));

  assert.doesNotMatch(seen.join('\n'), foreign);
  assert.deepEqual(rows, []);
  await client.query('set row_security = off');
  await denied(client, 'select * from backup_mgmt.backup_execution_s');
  await client.query('reset row_security');
});

test('a tenant writes nothing, neither its own rows nor those of others', async () => {
  for (const name of tables) {
    await denied(acme.client, `insert into backup_mgmt.${name} select * from backup_mgmt.${name}`);
    await denied(acme.client, `update backup_mgmt.${name} set record_source = 'mine'`);
    await denied(acme.client, `delete from backup_mgmt.${name}`);
    await denied(acme.client, `truncate backup_mgmt.${name} cascade`);
    await denied(acme.client, `copy backup_mgmt.${name} from stdin`);
    await denied(acme.client, `alter table backup_mgmt.${name} disable row level security`);
    await denied(acme.client, `drop policy own_tenant on backup_mgmt.${name}`);
  }
  // Views that could be written through if they were granted, and those that could not.
  for (const name of views) await assert.rejects(acme.client.query(`delete from backup_mgmt.${name}`));
});

test('nothing that a session can say makes it another tenant', async () => {
  const { client } = acme;

  for (const statement of [
    'set role backup_operator',
    'set role holdfast_writer',
    'set role both_app',
    "select set_config('role', 'ops', false)",
    'grant backup_operator to acme_app',
    'select * from holdfast.tenant_role',
    "insert into holdfast.tenant_role values ('acme_app', 'umbrella')",
    "select holdfast.tenants_of('both_app')",
    'select holdfast.caller()',
    "select * from holdfast.targets_for(null, 'stock')",
    "select holdfast.note_event('x', '{}')",
    'select * from holdfast.request',
    'select * from holdfast.applied_event',
    'select * from holdfast.audit_entry',
    `call backup_mgmt.approve_recovery('${recoveries.acme}')`,
    'create schema mine',
    'create function backup_mgmt.mine() returns int language sql as $$select 1$$',
  ])
    await denied(client, statement);
  await denied(client, 'set session authorization ops');
  await client.query("set holdfast.tenant = 'umbrella'");
  await client.query("set application_name = 'ops'");
  assert.doesNotMatch(await everything(client), foreign);
});

test("a tenant's names in front of the search path do not change what the functions do", async () => {
  const { client } = acme;
  await client.query(`create temp table target as select 'stock'::text as target, 'postgres'::text as engine;
    create temp table tenant_role as select 'acme_app'::name as role_name, 'umbrella'::text as tenant;
    create function pg_temp.sha256(bytea) returns bytea language sql as $$ select null::bytea $$;
    create function pg_temp.session_user() returns name language sql as $$ select 'ops'::name $$;
    create function pg_temp.pg_has_role(name, name, text) returns boolean language sql as $$ select true $$;
    create function pg_temp.is_system_wide(name) returns boolean language sql as $$ select true $$;
    set search_path = pg_temp, holdfast, backup_mgmt, public`);

  const { rows } = await client.query('select * from backup_mgmt.create_full_backup()');

  assert.deepEqual(
    rows.map(({ target }) => target),
    ['orders'],
  );
  assert.doesNotMatch(await everything(client), foreign);
  await client.query('reset search_path');
});

test('a tenant requests for its own targets only, and learns nothing of others by asking', async () => {
  const { client } = acme;
  const answerOf = (statement: string): Promise<string> =>
    client.query(statement).then(
      ({ rows }) => JSON.stringify(rows),
      (error: { code: string; message: string; hint: string }) => `${error.code} ${error.message} ${error.hint}`,
    );
  const key = (tenant: string): string => `sha256(convert_to('${tenant}', 'UTF8'))`;
  const hk = (id: string): string => `sha256(convert_to('${id}', 'UTF8'))`;

  // Of what is another's it is told what it would be told of what does not exist.
  for (const [there, nowhere] of [
    ["create_full_backup(target => 'stock')", "create_full_backup(target => 'nowhere')"],
    [`create_full_backup(${key('umbrella')})`, `create_full_backup(${key('nobody')})`],
    ["schedule_backup(target => 'books')", "schedule_backup(target => 'nowhere')"],
    [`create_incremental_backup(base => ${hk(ids.umbrella)})`, `create_incremental_backup(base => ${hk('nothing')})`],
    [
      "initiate_point_in_time_recovery(target => 'stock', recovery_type => 'FULL')",
      "initiate_point_in_time_recovery(target => 'nowhere', recovery_type => 'FULL')",
    ],
    [
      "initiate_point_in_time_recovery(recovery_type => 'FULL', into_target => 'stock')",
      "initiate_point_in_time_recovery(recovery_type => 'FULL', into_target => 'nowhere')",
    ],
    [`verify_backup_integrity(backup => ${hk(ids.system)})`, `verify_backup_integrity(backup => ${hk('nothing')})`],
    ["cleanup_expired_backups(target => 'stock')", "cleanup_expired_backups(target => 'nowhere')"],
  ] as const) {
    const answer = await answerOf(`select * from backup_mgmt.${there}`);
    const unknown = await answerOf(`select * from backup_mgmt.${nowhere}`);
    const plain = (text: string): string => text.replaceAll(/'(stock|books|nowhere)'|\\x[0-9a-f]{64}/g, '…');
    assert.match(answer, /^ZH00[126] /);
    assert.equal(plain(answer), plain(unknown));
  }
  assert.equal(
    await answerOf(`call backup_mgmt.await_backup('${ids.umbrella}', '0')`),
    `ZH006 there is no backup '${ids.umbrella}' backup_bk, as create_full_backup() returns it`,
  );
  for (const call of [
    "schedule_backup(tier => 'weekly')",
    'verify_backup_integrity()',
    'cleanup_expired_backups()',
    "initiate_point_in_time_recovery(recovery_type => 'FULL')",
    'get_next_scheduled_backups(48)',
  ]) {
    const answer = await answerOf(`select * from backup_mgmt.${call}`);
    assert.match(answer, /"target":"orders"/, call);
    assert.doesNotMatch(answer, foreign, call);
  }
  const { rows } = await catalog.owner.query(
    "select distinct target, tenant_hk = sha256('acme') as is_acme from holdfast.request where requested_by = 'acme_app'",
  );
  assert.deepEqual(rows, [{ target: 'orders', is_acme: true }]);
});

test('a role without a tenant can ask for nothing, and a tenant role that is set speaks for itself', async () => {
  await assert.rejects(nobody.client.query('select * from backup_mgmt.create_full_backup()'), {
    code: 'ZH001',
    message: "role 'nobody_app' stands for no tenant",
  });
  await catalog.owner.query("create role pooler login noinherit password 'x' in role acme_app, nobody_app");
  await using pooler = await connectCatalog({
    ...settingsFor(server, catalog.database),
    user: 'pooler',
    auth: { kind: 'password', password: 'x' },
    role: 'owner',
  });

  await denied(pooler.client, 'select * from backup_mgmt.backup_execution_s');
  await pooler.client.query('set role acme_app');
  const { rows } = await pooler.client.query("select target from backup_mgmt.create_full_backup(tier => 'monthly')");

  assert.deepEqual(rows, [{ target: 'orders' }]);
  assert.doesNotMatch(await everything(pooler.client), foreign);
});
