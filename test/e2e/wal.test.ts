import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseLsn } from '../../lib/engines/postgres/replication/lsn.ts';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { until } from '../until.ts';
import { confirmed, flushedLsn, pgbench, withSql } from '../wal/receiver/receiving.ts';
import { runCli } from './run-cli.ts';

let server: PostgresServer;
let folder: string;
let config: string;
/** The server's finished segments, as archive_command would be called for them. */
let segments: readonly string[];

before(async () => {
  server = await postgresServer({ major: 17, settings: { wal_keep_size: '1GB' } });
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-wal-cli-'));
  config = path.join(folder, 'holdfast.yaml');
  await mkdir(path.join(folder, 'vault'));
  await ensureKeyFile(path.join(folder, 'holdfast.key'));
  await writeFile(path.join(folder, 'password'), server.password, { mode: 0o600 });
  await writeFile(
    config,
    `store: { kind: file, path: ./vault }
encryption: { keys: key-file }
targets:
  - name: shop
    engine: postgres
    connection: { host: 127.0.0.1, port: ${server.port}, user: ${server.user}, password: { file: password }, sslmode: disable }
    wal: { receive: true, flushSeconds: 1 }
`,
  );
  await pgbench(server, '-i', '-s', '4', '-q');
  await withSql(server, (client) => client.query('select pg_switch_wal()'));
  const current = await withSql(server, (client) =>
    client.query<{ name: string }>('select pg_walfile_name(pg_current_wal_lsn()) as name'),
  );
  segments = (await readdir(path.join(server.dataDir, 'pg_wal')))
    .filter((name) => /^[0-9A-F]{24}$/.test(name) && name < (current.rows[0]?.name ?? ''))
    .sort();
  assert.ok(segments.length >= 3);
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const wal = (...args: readonly string[]) => runCli(['wal', ...args, '--json', '--config', config]);
const fileOf = (name: string): string => path.join(server.dataDir, 'pg_wal', name);

describe('the command line', () => {
  test('push stores a segment once, says so again, and refuses another one of its name', async () => {
    const [first = ''] = segments;
    const push = (file: string) => wal('push', file, '--data-directory', server.dataDir);

    const [once_, again] = [await push(fileOf(first)), await push(fileOf(first))];
    assert.deepEqual([once_.exitCode, once_.stderr], [0, '']);
    assert.equal((JSON.parse(once_.stdout) as { outcome: string }).outcome, 'written');
    assert.equal((JSON.parse(again.stdout) as { outcome: string }).outcome, 'present');

    const copy = path.join(folder, first);
    await cp(fileOf(first), copy);
    const bytes = await readFile(copy);
    bytes.writeUInt8((bytes[9_000_000] ?? 0) ^ 1, 9_000_000);
    await writeFile(copy, bytes);
    const other = await push(copy);
    assert.equal(other.exitCode, 15);
    assert.equal(other.error.code, 'wal-conflict');
    // Whoever is alerted does not look into the log of that server.
    const told = await readFile(path.join(folder, 'vault', 'health', 'wal', 'shop.conflict.json'), 'utf8');
    assert.match((JSON.parse(told) as { message: string }).message, new RegExp(`has WAL '${first}' of system`));

    await truncate(copy, 1000);
    assert.equal((await push(copy)).error.code, 'corrupt');
    await truncate(copy, 0);
    assert.equal((await push(copy)).error.code, 'corrupt');
    assert.equal((await push(path.join(folder, 'holdfast.yaml'))).exitCode, 2);
    await rm(copy);
  });

  test('status says of a log that no receiver has run for that it was pushed', async () => {
    const { exitCode, stdout } = await runCli(['wal', 'status', '--config', config]);

    assert.equal(exitCode, 0);
    assert.match(
      stdout,
      /^shop\n {2}no receiver has run: what is here was pushed \(archive_command\)\n {2}system \d+\n/,
    );
  });

  test('fetch brings a segment back, and tells what is missing from what is not known', async () => {
    const [first = ''] = segments;
    const there = path.join(folder, 'RECOVERYXLOG');
    const fetch = (name: string, ...more: readonly string[]) =>
      wal('fetch', name, there, '--data-directory', server.dataDir, ...more);

    assert.equal((await fetch(first)).exitCode, 0);
    assert.ok((await readFile(there)).equals(await readFile(fileOf(first))));
    const beyond = await fetch('0000000100000000000000FF');
    assert.deepEqual([beyond.exitCode, beyond.error.code], [1, 'object-missing']);
    assert.equal(beyond.error.message, "the store has no WAL file '0000000100000000000000FF' of 'shop'");
    assert.match(
      beyond.error.hint,
      /^to a server in recovery it means that the log ends here, .*'holdfast wal status --target shop' says what/,
    );
    const history = await fetch('00000002.history');
    assert.equal(history.exitCode, 1);
    assert.match(history.error.hint, /^to a server in recovery it means that there is no such timeline; /);

    const unknown = await runCli([
      'wal',
      'fetch',
      first,
      there,
      '--data-directory',
      path.join(folder, 'nowhere'),
      '--config',
      config,
    ]);
    assert.equal(unknown.exitCode, 126);
  });

  test('fetch ends a recovery with 126, and never its log with less, whatever goes wrong', async () => {
    const [first = ''] = segments;
    const to = path.join(folder, 'RECOVERYXLOG');
    const fetch = (...args: readonly string[]) =>
      runCli(['wal', 'fetch', ...args, '--data-directory', server.dataDir, '--config', config]);
    const exitOf = async (...args: readonly string[]) => (await fetch(...args)).exitCode;

    assert.equal(await exitOf(first, to, '--taget', 'shop'), 126);
    assert.equal(await exitOf(first), 126);
    assert.equal(await exitOf(first, path.join(folder, 'no such folder', 'file')), 126);
    const stranger = await fetch(first, to, '--system', '1234567890123456789');
    assert.equal(stranger.exitCode, 126);
    assert.match(stranger.stderr, /the store has no WAL at all of 'shop', system 1234567890123456789/);
  });

  test('a command that cannot be run ends a recovery too', async () => {
    const broken = path.join(folder, 'bin');
    await cp(path.resolve(import.meta.dirname, '../../bin/holdfast.mjs'), path.join(broken, 'holdfast.mjs'));
    const child = spawn(process.execPath, [path.join(broken, 'holdfast.mjs'), 'wal', 'fetch', 'a', 'b'], {
      stdio: 'ignore',
    });

    const [exitCode] = (await once(child, 'close')) as [number | null];

    assert.equal(exitCode, 126);
  });

  test('receive goes on beside push, and flushes what it has when it is asked to stop', async () => {
    const program = path.resolve(import.meta.dirname, '../../bin/holdfast.ts');
    const child = spawn(process.execPath, [program, 'wal', 'receive', '--config', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    await until(async () => printed.includes('receiving WAL from'), 'the receiver');
    await withSql(server, (client) => client.query('create table late as select generate_series(1, 1000)'));
    const end = await flushedLsn(server);
    await until(async () => (await confirmed(server, 'holdfast_shop')) >= end, 'the store to have it');
    await withSql(server, async (client) => {
      await client.query('insert into late select generate_series(1, 1000)');
      const isSent = 'select 1 from pg_stat_replication where sent_lsn >= $1::pg_lsn';
      // What was committed asynchronously is sent when it is flushed.
      await client.query('checkpoint');
      const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn');
      await until(async () => (await client.query(isSent, [rows[0]?.lsn])).rowCount, 'the last rows to be sent');
    });
    child.kill('SIGTERM');
    const [exitCode] = (await once(child, 'close')) as [number | null];

    assert.equal(exitCode, 0, printed);
    const status = await wal('status');
    const [shop] = JSON.parse(status.stdout) as [
      {
        receiver: { state: string; receivedLsn: string; durableLsn: string };
        systems: { timelines: { segments: number; gaps: [] }[] }[];
      },
    ];
    assert.equal(shop.receiver.state, 'ended');
    // How much of the last rows had come is the network's to say.
    assert.equal(shop.receiver.durableLsn, shop.receiver.receivedLsn);
    assert.ok(parseLsn(shop.receiver.durableLsn) >= end);
    assert.deepEqual(shop.systems[0]?.timelines[0]?.gaps, []);
    const text = await runCli(['wal', 'status', '--config', config]);
    assert.match(
      text.stdout,
      /^shop\n {2}ended .* ago: timeline 1, durable to 0\/\w+, behind by [\d.]+ \w+ and [\d.]+ s$/m,
    );
    assert.match(text.stdout, /slot holdfast_shop keeps .* in the server, without a limit/);
  });

  test('probe warns of a server that keeps WAL for a slot without a limit', async () => {
    process.env['HOLDFAST_PG_BIN'] = server.binDir;
    const { stdout } = await runCli(['probe', 'shop', '--config', config]);

    assert.match(stdout, /max_slot_wal_keep_size is -1/);
  });
});
