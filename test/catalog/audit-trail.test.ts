import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectCatalog } from '../../lib/catalog/connect.ts';
import { migrateCatalog } from '../../lib/catalog/migrate.ts';
import { migrations } from '../../lib/catalog/migrations.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { newCatalog, newDatabase, settingsFor } from './catalog-database.ts';
import { begun, completed, failed, recoveryApproved, recoveryEnded, recoveryRequested, requested } from './events.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

test('every event of a backup and a recovery is an entry: what, when, by whom, from where', async () => {
  await using catalog = await newCatalog(server);
  await applyEvents(catalog.writer, [
    requested({ requestedBy: { kind: 'api', name: 'arn:aws:iam::1:user/anna', address: '10.0.0.9' } }),
    begun(),
    failed(),
    recoveryRequested(),
    recoveryApproved(),
    recoveryEnded(),
  ]);

  const { rows } = await catalog.owner.query(
    `select occurred_at, action, subject, target, actor_kind, actor_name, client_address, execution
     from backup_mgmt.audit_trail order by occurred_at`,
  );

  const backup = { subject: '20261121T020000Z-9f3c2a1b', target: null, actor_kind: 'holdfast' };
  const recovery = { subject: '20261121T090000Z-00c0ffee', target: null, actor_kind: 'holdfast' };
  const nobody = { actor_name: null, client_address: null, execution: null };
  assert.deepEqual(rows, [
    {
      ...backup,
      occurred_at: '2026-11-21T02:00:00.000Z',
      action: 'backup-requested',
      target: 'orders',
      actor_kind: 'api',
      actor_name: 'arn:aws:iam::1:user/anna',
      client_address: '10.0.0.9',
      execution: 'orders-20261121T020000Z',
    },
    { ...backup, ...nobody, occurred_at: '2026-11-21T02:00:10.500Z', action: 'backup-begun' },
    { ...backup, ...nobody, occurred_at: '2026-11-21T02:03:00.000Z', action: 'backup-failed' },
    {
      ...recovery,
      occurred_at: '2026-11-21T09:00:00.000Z',
      action: 'recovery-requested',
      target: 'orders',
      actor_kind: 'user',
      actor_name: 'anna',
      client_address: null,
      execution: 'restore-1',
    },
    {
      ...recovery,
      occurred_at: '2026-11-21T09:00:01.000Z',
      action: 'recovery-approved',
      actor_kind: 'sql',
      actor_name: 'berta',
      client_address: '10.0.0.7',
      execution: null,
    },
    { ...recovery, ...nobody, occurred_at: '2026-11-21T09:10:00.000Z', action: 'recovery-ended' },
  ]);
  const [kept] = (
    await catalog.owner.query(
      "select distinct retention_class, retained_until - occurred_at >= interval '2555 days' as is_seven_years from backup_mgmt.audit_trail",
    )
  ).rows;
  assert.deepEqual(kept, { retention_class: 'compliance', is_seven_years: true });
});

test('no role can change or remove an entry, or switch off what prevents it; not even the owner changes one', async () => {
  await using catalog = await newCatalog(server);
  await applyEvents(catalog.writer, [requested(), begun(), completed()]);
  await catalog.owner.query(
    "create role auditor login password 'x' in role backup_operator, holdfast_writer, holdfast_reader",
  );
  await using everyRole = await connectCatalog({
    ...settingsFor(server, catalog.database),
    user: 'auditor',
    auth: { kind: 'password', password: 'x' },
    role: 'owner',
  });
  const changes = [
    "update holdfast.audit_entry set actor_name = 'nobody'",
    "update holdfast.audit_entry set actor_name = 'nobody' where false",
    'delete from holdfast.audit_entry',
    'truncate holdfast.audit_entry',
    "update backup_mgmt.audit_trail set actor_name = 'nobody'",
    'delete from backup_mgmt.audit_trail',
    'insert into holdfast.audit_entry select * from holdfast.audit_entry on conflict (entry_key) do update set actor_name = null',
    'merge into holdfast.audit_entry as a using (select 1) as one on true when matched then delete',
  ];

  for (const session of [everyRole.client, catalog.writer]) {
    for (const statement of [
      ...changes,
      'alter table holdfast.audit_entry disable trigger all',
      'drop trigger audit_entry_is_append_only on holdfast.audit_entry',
      "set session_replication_role = 'replica'",
      'drop table holdfast.audit_entry cascade',
      'create or replace function holdfast.refuse_change() returns trigger language plpgsql as $$ begin return new; end $$',
    ])
      await assert.rejects(session.query(statement), { code: /42501|55000/ }, statement);
  }
  // Of the owner's statements those that do something are refused by the trigger; a view over it takes its own way there.
  for (const statement of changes.filter((one) => !one.includes('insert')))
    await assert.rejects(
      catalog.owner.query(statement),
      { code: '42501', message: 'the audit trail is append-only' },
      statement,
    );
  const { rows } = await catalog.owner.query('select count(*) as entries from holdfast.audit_entry');
  assert.deepEqual(rows, [{ entries: 3 }]);
});

test('a catalog that was in use before there was a trail gets the entries of what happened', async () => {
  await using owner = await connectCatalog({ ...settingsFor(server, await newDatabase(server)), role: 'owner' });
  await migrateCatalog(owner.client, migrations.slice(0, 4));
  await owner.client.query(
    "insert into holdfast.applied_event (event_key, operation, event_name, payload) values ('journal/x/010-y.json', 'x', 'backup-requested', $1)",
    [JSON.stringify(requested())],
  );

  await migrateCatalog(owner.client);

  const { rows } = await owner.client.query('select action, actor_name from backup_mgmt.audit_trail');
  assert.deepEqual(rows, [{ action: 'backup-requested', actor_name: 'orders-daily-logical' }]);
});
