import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextCommands } from '../../../lib/engines/postgres/next-commands.ts';

const server = { host: 'db.internal', port: 5432 };

test('a folder is started to be looked at, gets its archive back, and is backed up when it lives', () => {
  assert.deepEqual(nextCommands({ target: 'orders', folder: "/srv/it's here", parts: [], server }), [
    `pg_ctl --pgdata '/srv/it'\\''s here' --wait start --options '-c port=5433'`,
    "psql --port 5433 --dbname postgres --command 'alter system reset archive_mode'",
    `pg_ctl --pgdata '/srv/it'\\''s here' --mode fast --wait stop`,
    'holdfast backup orders --method base',
  ]);
});

test('a database beside another is looked at, and takes its place by two renames', () => {
  assert.deepEqual(nextCommands({ target: 'orders', parts: [{ from: 'shop', to: 'shop "then"' }], server }), [
    `psql --host db.internal --port 5432 --dbname 'shop "then"'`,
    `psql --host db.internal --port 5432 --dbname postgres --command 'alter database "shop" rename to "shop_before"; alter database "shop ""then""" rename to "shop"'`,
  ]);
});

test('one under its own name is in its place', () => {
  assert.deepEqual(nextCommands({ target: 'orders', parts: [{ from: 'shop', to: 'shop' }], server: {} }), [
    'psql --dbname shop',
  ]);
});
