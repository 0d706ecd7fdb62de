import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { connect, lowPriority, parseConnection, toolEnvironment } from '../../../lib/engines/postgres/connection.ts';
import { postgresServer } from '../../servers/postgres.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'holdfast-connection-'));
after(() => rmSync(scratch, { recursive: true }));

test('a connection has the defaults of the configuration', () => {
  assert.deepEqual(parseConnection({ host: 'db', user: 'backup' }), {
    host: 'db',
    port: 5432,
    user: 'backup',
    sslmode: 'verify-full',
    databases: 'all',
    exclude: [],
    standbys: [],
    maintenanceDatabase: 'postgres',
  });
});

test('a connection that is not valid is refused without repeating its password', () => {
  const connection = { host: 'db', user: 'backup', password: 'hunter2\nhunter2', ports: 1 };

  assert.throws(
    () => parseConnection(connection),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'config-invalid');
      assert.match(error.message, /ports/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    },
  );
});

test('a tool gets its password in a file that only its owner reads, its database literally, and nothing of our environment', async () => {
  process.env['PGOPTIONS'] = '-c search_path=evil';
  const connection = parseConnection({ host: 'db', user: 'backup', password: 'a:b\\c', sslmode: 'disable' });

  const env = await toolEnvironment(connection, { database: 'postgresql://x', scratch });
  delete process.env['PGOPTIONS'];

  const { PGPASSFILE = '', PGOPTIONS = '', PGSERVICEFILE = '', PATH, LD_LIBRARY_PATH, ...others } = env;
  assert.equal(readFileSync(PGPASSFILE, 'utf8'), '*:*:*:*:a\\:b\\\\c\n');
  assert.equal(statSync(PGPASSFILE).mode & 0o777, 0o600);
  assert.doesNotMatch(PGOPTIONS, /evil/);
  assert.match(PGOPTIONS, /-c timezone=UTC/);
  assert.match(readFileSync(PGSERVICEFILE, 'utf8'), /^\[holdfast\]\nkeepalives_idle=60$/m);
  assert.deepEqual(others, {
    HOME: scratch,
    LC_ALL: 'C',
    PGHOST: 'db',
    PGPORT: '5432',
    PGUSER: 'backup',
    PGDATABASE: 'postgresql://x',
    PGSSLMODE: 'disable',
    PGSERVICE: 'holdfast',
    PGGSSENCMODE: 'disable',
    PGCONNECT_TIMEOUT: '15',
    PGAPPNAME: 'holdfast',
  });
});

test('a verified connection gives the tool a file of root certificates, since old ones know no other way', async () => {
  const connection = parseConnection({ host: 'db', user: 'backup', sslmode: 'verify-full', sslrootcert: 'system' });

  const env = await toolEnvironment(connection, { database: 'orders', scratch });

  assert.match(readFileSync(env['PGSSLROOTCERT'] ?? '', 'utf8'), /BEGIN CERTIFICATE/);
});

test('sessions of a backup ask little of the server, and both ends notice when the other is gone', async () => {
  await using server = await postgresServer({ major: 17 });
  const { host, port, user, password } = server;
  const connection = parseConnection({ host, port, user, password, sslmode: 'disable' });
  const question = `select string_agg(current_setting(name), ' ' order by place)
    from unnest('{work_mem,max_parallel_workers_per_gather,jit,tcp_keepalives_idle,idle_in_transaction_session_timeout}'::text[])
      with ordinality as setting (name, place)`;

  const client = await connect(connection, 'postgres', { settings: lowPriority });
  const { rows } = await client.query<{ string_agg: string }>(question);
  await client.end();
  const env = await toolEnvironment(connection, { database: 'postgres', scratch, settings: lowPriority });
  const psql = await promisify(execFile)(path.join(server.binDir, 'psql'), ['-XAtc', question], { env });

  assert.equal(rows[0]?.string_agg, '4MB 0 off 60 5min');
  assert.equal(psql.stdout.trim(), '4MB 0 off 60 5min');
});
