import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { fingerprintOf } from '../../lib/keys/key-file.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { fillShop, tool } from './shop.ts';
import { type TakenBackup, takeBackup } from './take-backup.ts';

const program = path.resolve(import.meta.dirname, '../../bin/holdfast.ts');

let server: PostgresServer;
let backup: TakenBackup;

before(async () => {
  server = await postgresServer({ major: 17 });
  await fillShop(server);
  backup = await takeBackup(server, 'encryption: { keys: key-file }');
});
after(async () => {
  await backup?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

function startExport(output: string, ...args: readonly string[]) {
  const words = ['export', 'latest', '--target', 'shop', '--config', backup.configFile, '--output', output, ...args];
  const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = (async (): Promise<Ended> => {
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        texts[name] += text;
      });
    }
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...texts };
  })();
  return { child, ended };
}

const outputFolder = (name: string) => path.join(backup.folder, name);

test('exported files are what pg_restore and psql read, whatever the databases are called', async () => {
  const output = outputFolder('whole');

  const { code, stdout, stderr } = await startExport(output, '--json').ended;

  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  assert.deepEqual(await readdir(output), [
    'db--h.dump',
    'db-it-s-a-quoted-one-ece0ba6e.dump',
    'db-postgres.dump',
    'db-shop.dump',
    'globals.sql',
  ]);
  const { files } = JSON.parse(stdout) as { files: readonly { file: string; kind: string; name: string }[] };
  assert.deepEqual(
    files.map(({ file, kind, name }) => [path.basename(file), kind, name]),
    [
      ['globals.sql', 'globals', 'globals'],
      ['db--h.dump', 'database', '-h'],
      ['db-it-s-a-quoted-one-ece0ba6e.dump', 'database', `it's a "quoted" one`],
      ['db-postgres.dump', 'database', 'postgres'],
      ['db-shop.dump', 'database', 'shop'],
    ],
  );
  assert.equal((await stat(output)).mode & 0o777, 0o700);
  for (const { file } of files) assert.equal((await stat(file)).mode & 0o777, 0o600);

  for (const { file } of files.filter(({ kind }) => kind === 'database')) {
    const listing = await tool(server, 'postgres', 'pg_restore', ['--list', file]);
    assert.match(listing, /^; Archive created at /m);
  }
  await using copy = await postgresServer({ major: 17 });
  await tool(copy, 'postgres', 'psql', ['-X', '-q', '-f', path.join(output, 'globals.sql')]);
  await tool(copy, 'postgres', 'pg_restore', [
    '--create',
    '--exit-on-error',
    '-d',
    'postgres',
    path.join(output, 'db-shop.dump'),
  ]);
  const rows = 'select count(*), sum(id) from orders';
  assert.equal((await tool(copy, 'shop', 'psql', ['-X', '-A', '-t', '-c', rows])).trim(), '40000|800020000');
});

test('--database exports that database alone, by its exact name', async () => {
  const output = outputFolder('chosen');

  const { code, stderr } = await startExport(output, '--database', `it's a "quoted" one`).ended;
  const dashed = await startExport(output, '--database=-h').ended;

  assert.equal(code, 0, stderr);
  assert.equal(dashed.code, 0, dashed.stderr);
  assert.deepEqual(await readdir(output), ['db--h.dump', 'db-it-s-a-quoted-one-ece0ba6e.dump']);
});

test('a database that the backup lacks ends the export before anything is written', async () => {
  const output = outputFolder('lacking');

  const { code, stderr } = await startExport(output, '--json', '--database', 'shop', 'nowhere').ended;

  assert.equal(code, 11);
  assert.equal(JSON.parse(stderr).error.code, 'database-missing');
  await assert.rejects(stat(output), { code: 'ENOENT' });
});

test('an export that is interrupted leaves nothing that looks whole, and the next one succeeds', async () => {
  for (const { signal, code } of [
    { signal: 'SIGTERM', code: 143 },
    { signal: 'SIGKILL', code: null },
  ] as const) {
    const output = outputFolder(`interrupted-${signal}`);
    await promisify(execFile)('mkdir', [output]);
    const pipe = path.join(output, 'db-shop.dump.part');
    await promisify(execFile)('mkfifo', [pipe]);
    const { child, ended } = startExport(output, '--database', 'shop');

    // The export waits for a reader, then for one that goes on reading: it is in the middle of the file when the signal comes.
    const reader = await open(pipe, 'r');
    const { buffer } = await reader.read(Buffer.alloc(5), 0, 5);
    child.kill(signal);
    await reader.close();
    const interrupted = await ended;

    assert.equal(buffer.toString('latin1'), 'PGDMP');
    assert.equal(interrupted.code, code, interrupted.stderr);
    assert.deepEqual(await readdir(output), signal === 'SIGTERM' ? [] : ['db-shop.dump.part']);
    if (signal === 'SIGKILL') {
      await unlink(pipe);
      await writeFile(pipe, 'what a crashed export left');
    }
    assert.equal((await startExport(output, '--database', 'shop').ended).code, 0);
    assert.deepEqual(await readdir(output), ['db-shop.dump']);
    assert.match(
      await tool(server, 'postgres', 'pg_restore', ['--list', path.join(output, 'db-shop.dump')]),
      /TABLE DATA public orders/,
    );
  }
});

test('another key file ends the export with key-wrong and exit code 14, and names both keys', async () => {
  const keyFile = path.join(backup.folder, 'holdfast.key');
  const key = Buffer.alloc(32, 7);
  const other = { id: fingerprintOf(key), key: key.toString('base64'), createdAt: '2026-11-21T02:00:00.000Z' };
  await rename(keyFile, `${keyFile}.right`);
  await writeFile(keyFile, JSON.stringify({ format: 'holdfast-key-file', version: 1, keys: [other] }), { mode: 0o600 });
  const output = outputFolder('wrong-key');
  try {
    const { code, stderr } = await startExport(output, '--json').ended;

    assert.equal(code, 14);
    const { error } = JSON.parse(stderr) as { error: { code: string; message: string; exitCode: number } };
    assert.equal(error.code, 'key-wrong');
    assert.ok(error.message.includes(other.id));
    assert.ok(error.message.includes(backup.manifest.encryption.wrappedKey?.keyId ?? assert.fail('not encrypted')));
    await assert.rejects(stat(output), { code: 'ENOENT' });
  } finally {
    await rename(`${keyFile}.right`, keyFile);
  }
});

test('a missing object ends the export with object-missing and exit code 15, and leaves no part of that file', async () => {
  const stream = backup.manifest.streams.find(({ name }) => name === 'shop');
  const last = stream?.objects.at(-1)?.key ?? assert.fail('the stream has no objects');
  const object = path.join(backup.folder, 'vault', last);
  await rename(object, `${object}.away`);
  const output = outputFolder('missing-object');
  try {
    const { code, stderr } = await startExport(output, '--json', '--database', 'shop').ended;

    assert.equal(stream?.objects.length, 4);
    assert.equal(code, 15, stderr);
    const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
    assert.equal(error.code, 'object-missing');
    assert.ok(error.message.includes(last));
    assert.deepEqual(await readdir(output), []);
  } finally {
    await rename(`${object}.away`, object);
  }
});

test('an --output that is a file is refused as a mistake in the command, not as a bug', async () => {
  const { code, stderr } = await startExport(backup.configFile, '--json').ended;

  assert.equal(code, 2);
  assert.equal(JSON.parse(stderr).error.code, 'usage');
});
