import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Client } from 'pg';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { canRun, serverAccount } from '../../lib/servers/server-account.ts';
import { bundleCommandLine } from '../../scripts/bundle-command-line.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { startOn } from '../servers/postgres-on-folder.ts';
import { minioServer, type S3Server } from '../servers/s3.ts';
import { until } from '../until.ts';
import { pgbench, withSql } from '../wal/receiver/receiving.ts';
import { runCli } from './run-cli.ts';
import { backUp } from './take-backup.ts';

/** A database's host as docs/engines/postgres-wal.md has it: the command line, its configuration and its key, for the server's account to use. */
type Host = {
  readonly folder: string;
  readonly config: string;
  /** The command line, as the server's shell is told it. */
  command(verb: string): string;
};

async function databaseHost(server: PostgresServer, s3: S3Server): Promise<Host> {
  const account = serverAccount();
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-host-'));
  const file = (name: string): string => path.join(folder, name);
  const program = await bundleCommandLine(folder);
  // A clone below /root is closed to the account.
  const node = canRun(process.execPath, account) ? process.execPath : file('node');
  if (node !== process.execPath) copyFileSync(process.execPath, node);
  const { endpoint, region } = s3;
  writeFileSync(
    file('holdfast.json'),
    JSON.stringify({
      store: { kind: 's3', bucket: await s3.newBucket(), region, endpoint, forcePathStyle: true },
      encryption: { keys: 'key-file' },
      targets: [
        {
          ...{ name: 'shop', engine: 'postgres', wal: { receive: true, flushSeconds: 1 } },
          connection: {
            ...{ host: server.host, port: server.port, user: server.user },
            ...{ password: { file: './password' }, sslmode: 'disable' },
          },
        },
      ],
    }),
  );
  writeFileSync(file('password'), server.password);
  writeFileSync(
    file('credentials'),
    `[default]\naws_access_key_id=${s3.accessKeyId}\naws_secret_access_key=${s3.secretAccessKey}\n`,
  );
  await ensureKeyFile(file('holdfast.key'));
  for (const secret of ['holdfast.key', 'credentials', 'password']) {
    chmodSync(file(secret), 0o600);
    if (account) chownSync(file(secret), account.uid, account.gid);
  }
  chmodSync(folder, 0o755);
  const config = file('holdfast.json');
  return {
    ...{ folder, config },
    command: (verb) =>
      `AWS_SHARED_CREDENTIALS_FILE='${file('credentials')}' '${node}' '${program}' wal ${verb} --config '${config}'`,
  };
}

suite('WAL that the server itself pushes and fetches', { concurrency: false }, () => {
  let server: PostgresServer;
  let s3: S3Server;
  let host: Host;
  let base: string;

  before(async () => {
    s3 = await minioServer();
    server = await postgresServer({ major: 17, settings: { archive_mode: 'on', max_wal_size: '4GB' } });
    host = await databaseHost(server, s3);
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey });
    process.env['HOLDFAST_PG_BIN'] = server.binDir;
    base = (await backUp(host.config, { method: 'base' })).backupId;
    await withSql(server, async (client) => {
      await client.query(`alter system set archive_command = ${client.escapeLiteral(host.command('push %p'))}`);
      await client.query('select pg_reload_conf()');
    });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await s3?.[Symbol.asyncDispose]();
    if (host) rmSync(host.folder, { recursive: true, force: true });
  });

  type Archiver = { readonly last: string | null; readonly failed: number };
  const archiver = async (client: Client): Promise<Archiver> => {
    const { rows } = await client.query<Archiver>(
      'select last_archived_wal as last, failed_count::int as failed from pg_stat_archiver',
    );
    return rows[0] ?? assert.fail();
  };
  /** Fills the current segment's rest, and gives its name. */
  const switched = async (client: Client): Promise<string> => {
    await client.query('create table if not exists switched (at timestamptz)');
    await client.query('insert into switched values (now())');
    const { rows } = await client.query<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name');
    return rows[0]?.name ?? assert.fail();
  };
  const archived = (name: string): Promise<true> =>
    withSql(server, (client) =>
      until(async () => ((await archiver(client)).last ?? '') >= name, `${name} in the store`, 300),
    );

  test('goes into the store under load, beside a receiver that stores the same', async () => {
    await pgbench(server, '-i', '-s', '5', '-q');
    const pushed = await withSql(server, switched);
    await archived(pushed);

    const receiver = spawn(
      process.execPath,
      [path.join(host.folder, 'holdfast.mjs'), 'wal', 'receive', '--config', host.config],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    receiver.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await until(async () => said.includes('receiving WAL from'), 'the receiver');
    await pgbench(server, '-i', '-s', '5', '-q');
    await pgbench(server, '-c', '2', '-t', '1000', '-n');
    const both = await withSql(server, switched);
    await archived(both);
    receiver.kill('SIGTERM');
    const [exitCode] = (await once(receiver, 'close')) as [number | null];

    assert.equal(exitCode, 0, said);
    assert.equal((await withSql(server, archiver)).failed, 0);
    const status = await runCli(['wal', 'status', '--json', '--config', host.config]);
    const [shop] = JSON.parse(status.stdout) as [{ systems: { timelines: { last: string; gaps: [] }[] }[] }];
    const [timeline] = shop.systems[0]?.timelines ?? [];
    assert.deepEqual(timeline?.gaps, []);
    assert.ok((timeline?.last ?? '') >= both, `${timeline?.last}, ${both}`);
  });

  test('is kept by the server and pushed again while the store is away', async () => {
    await s3.stop();
    const name = await withSql(server, switched);
    await withSql(server, async (client) => {
      await until(async () => (await archiver(client)).failed > 0, 'a push that fails');
      await client.query('checkpoint');
      await switched(client);
      await client.query('checkpoint');
    });
    const waits = path.join(server.dataDir, 'pg_wal', 'archive_status', `${name}.ready`);
    assert.ok(existsSync(waits), readdirSync(path.dirname(waits)).join());
    assert.ok(existsSync(path.join(server.dataDir, 'pg_wal', name)));

    await s3.start();
    // A new segment is what wakes the archiver.
    const next = await withSql(server, switched);
    await archived(next);

    assert.ok(!existsSync(waits));
    const fetched = path.join(host.folder, 'fetched');
    const fetch = ['wal', 'fetch', name, fetched, '--data-directory', server.dataDir, '--config', host.config];
    assert.equal((await runCli(fetch)).exitCode, 0);
  });

  test('brings back every row on a server that fetches it by restore_command', async () => {
    await pgbench(server, '-c', '2', '-t', '200', '-n');
    const question = `select (select count(*) from pgbench_history)::int as rows, (select sum(delta) from pgbench_history)::int as sum,
      (select sum(abalance) from pgbench_accounts)::int as balances`;
    const wanted = await withSql(server, async (client) => (await client.query(question)).rows);
    await archived(await withSql(server, switched));
    await server.kill();

    const into = path.join(host.folder, 'restored');
    const unpacked = await runCli(['restore', base, '--as', into, '--no-start', '--config', host.config]);
    assert.equal(unpacked.exitCode, 0, unpacked.stderr);
    writeFileSync(path.join(into, 'recovery.signal'), '');
    await using restored = await startOn(into, server.binDir, {
      archive_mode: 'off',
      restore_command: host.command('fetch %f %p'),
    });
    const client = new Client({ ...restored, database: 'postgres' });
    await client.connect();
    await until(
      async () => {
        const { rows } = await client.query<{ ended: boolean }>('select not pg_is_in_recovery() as ended');
        return rows[0]?.ended;
      },
      'the end of the recovery',
      300,
    );
    const { rows } = await client.query(question);
    await client.end();

    assert.deepEqual(rows, wanted);
    assert.equal((rows[0] as { rows: number }).rows, 2400);
  });
});
