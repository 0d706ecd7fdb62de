import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PostgresServer, postgresServer } from '../../servers/postgres.ts';
import { capture, planned } from '../saved-streams.ts';
import { engine } from './orders-backup.ts';
import { contextFor, run, session } from './run-engine.ts';

async function membershipsIn(server: PostgresServer): Promise<object[]> {
  await using client = await session(server, 'postgres');
  const { rows } = await client.query(`select granted.rolname as role, member.rolname as member, admin_option
  from pg_auth_members
  join pg_roles as granted on granted.oid = roleid
  join pg_roles as member on member.oid = pg_auth_members.member
  where member.rolname like 'app%' order by 2`);
  return rows;
}
const memberships = [
  { role: 'pg_monitor', member: 'app', admin_option: false },
  { role: 'pg_monitor', member: 'app "x" GRANTED BY nobody', admin_option: true },
];

/** Restores the roles of `source` into `destination`. */
async function restoreRoles(
  source: Pick<PostgresServer, 'host' | 'port' | 'user' | 'password'>,
  destination: PostgresServer,
): Promise<readonly string[]> {
  using from = contextFor(source, { connection: { databases: ['postgres'] } });
  using to = contextFor(destination);
  const globals = (await capture(engine, from)).get('globals');
  const { restored } = await engine.restore(to, { streams: [planned(globals, '')], replace: false, source: {} });
  return restored[0]?.comparison.remarks ?? [];
}

test('memberships come back whose grantor was the first superuser of a server that called it otherwise', async () => {
  await using source = await postgresServer({ major: 17 });
  await using destination = await postgresServer({ major: 17 });
  await run(source, 'postgres', `create role second login superuser password '${source.password}'`);
  await run({ ...source, user: 'second' }, 'postgres', `alter role ${source.user} rename to owner_of_all`);
  const renamed = { ...source, user: 'owner_of_all' };
  await run(
    renamed,
    'postgres',
    `create role app; create role "app ""x"" GRANTED BY nobody";
     grant pg_monitor to app; grant pg_monitor to "app ""x"" GRANTED BY nobody" with admin option`,
  );

  const remarks = await restoreRoles(renamed, destination);

  assert.deepEqual(await membershipsIn(destination), memberships);
  assert.match(
    remarks.join('\n'),
    /^'GRANT pg_monitor TO app WITH INHERIT TRUE' is granted by whoever restored: its grantor may not on this server$/m,
  );
});

test('memberships that any superuser granted, as a server before 16 lets them, come back on a newer one', async () => {
  await using source = await postgresServer({ major: 15 });
  await using destination = await postgresServer({ major: 17 });
  await run(
    source,
    'postgres',
    `create role dba superuser; create role app; create role "app ""x"" GRANTED BY nobody"; set role dba;
     grant pg_monitor to app; grant pg_monitor to "app ""x"" GRANTED BY nobody" with admin option`,
  );

  await restoreRoles(source, destination);

  assert.deepEqual(await membershipsIn(destination), memberships);
});

test('a membership that several gave, of whom one may on the destination, comes back with every right that any of them gave', async () => {
  await using source = await postgresServer({ major: 17 });
  await using destination = await postgresServer({ major: 17 });
  await run(source, 'postgres', `create role second login superuser password '${source.password}'`);
  await run({ ...source, user: 'second' }, 'postgres', `alter role ${source.user} rename to owner_of_all`);
  const renamed = { ...source, user: 'owner_of_all' };
  // A role that is there is left as it is, so that this one may not grant.
  await run(destination, 'postgres', 'create role dba');
  await run(
    renamed,
    'postgres',
    `create role app; create role dba; create role ${destination.user};
     grant pg_monitor to dba, ${destination.user} with admin option;
     grant pg_monitor to app with inherit true, set true;
     grant pg_monitor to app with inherit false, set false granted by dba;
     grant pg_monitor to app with admin true, inherit false, set false granted by ${destination.user}`,
  );

  await restoreRoles(renamed, destination);

  await using client = await session(destination, 'postgres');
  const { rows } = await client.query(
    "select admin_option, inherit_option, set_option from pg_auth_members where member = 'app'::regrole",
  );
  assert.deepEqual(rows, [{ admin_option: true, inherit_option: true, set_option: true }]);
});
