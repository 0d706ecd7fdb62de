import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import {
  type EmbeddedAddress,
  findEmbeddedPostgres,
  openEmbeddedPostgres,
  removeEmbeddedPostgres,
} from '../../lib/local/postgres-server.ts';

// One folder serves all tests, one after another: each leaves it closed. Making its data takes longer than any test.
let root: string;
let dataDir: string;
before(async () => {
  // Mode 0700, as a clone below /root: the server's account cannot look into it.
  root = await mkdtemp(path.join(tmpdir(), 'holdfast-embedded-'));
  dataDir = path.join(root, 'catalog');
});
after(async () => {
  removeEmbeddedPostgres(dataDir);
  await rm(root, { recursive: true, force: true });
});

async function ask(server: pg.ClientConfig, sql: string): Promise<unknown[]> {
  const client = new pg.Client(server);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const through = ({ host, port, user }: EmbeddedAddress, database: string) => ({ host, port, user, database });

test('what was written is there after the next start', async () => {
  const first = await openEmbeddedPostgres({ dataDir, databases: ['catalog', 'o\'dd "name'] });
  await ask(through(first, 'o\'dd "name'), 'create table kept as select 42 as answer');
  await first.close();

  const second = await openEmbeddedPostgres({ dataDir, databases: ['catalog', 'o\'dd "name'] });
  const rows = await ask(through(second, 'o\'dd "name'), 'select answer from kept');
  await second.close();

  assert.deepEqual(rows, [{ answer: 42 }]);
  assert.equal(existsSync(second.host), false);
});

test('the socket is private, and loopback asks for the password in the private file', async () => {
  await using server = await openEmbeddedPostgres({ dataDir, tcp: true });
  assert.ok(server.tcp);
  const { host, port, passwordFile } = server.tcp;
  const password = await readFile(passwordFile, 'utf8');

  const rows = await ask({ host, port, user: 'postgres', password, database: 'postgres' }, 'select 1 as one');
  const wrong = ask({ host, port, user: 'postgres', password: 'guess', database: 'postgres' }, 'select 1');

  assert.deepEqual(rows, [{ one: 1 }]);
  await assert.rejects(wrong, { code: '28P01' });
  assert.equal(statSync(server.host).mode & 0o777, 0o700);
  assert.equal(statSync(passwordFile).mode & 0o777, 0o600);
});

test('a folder in use is refused, and its server can be found', async () => {
  const server = await openEmbeddedPostgres({ dataDir });

  const second = openEmbeddedPostgres({ dataDir });
  await assert.rejects(second, { code: 'lease-held', message: `'${dataDir}' is in use by process '${process.pid}'` });
  const found = findEmbeddedPostgres(dataDir);
  await server.close();

  assert.deepEqual(found, { host: server.host, port: 5432, user: 'postgres' });
  assert.equal(findEmbeddedPostgres(dataDir), undefined);
});

test('a taken port is its own error and leaves the folder free', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;

  await assert.rejects(openEmbeddedPostgres({ dataDir, tcp: port }), {
    code: 'port-taken',
    message: `port '${port}' on 127.0.0.1 is taken`,
  });
  const server = await openEmbeddedPostgres({ dataDir });
  await server.close();
  holder.close();
});

test('the server of a killed process ends, and the next process goes on with its data', async () => {
  const module = path.resolve(import.meta.dirname, '../../lib/local/postgres-server.ts');
  const program = `
    const { openEmbeddedPostgres } = await import('${module}');
    const server = await openEmbeddedPostgres({ dataDir: process.argv[1], databases: ['orders'] });
    console.log(server.host);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [host] = await once(createInterface({ input: child.stdout }), 'line');
  const exited = once(child, 'exit');

  child.kill('SIGKILL');
  await exited;
  const next = await openEmbeddedPostgres({ dataDir });
  const rows = await ask(through(next, 'orders'), 'select current_database() as name');
  await next.close();
  for (let waited = 0; existsSync(host) && waited < 500; waited++) await delay(10);

  assert.deepEqual(rows, [{ name: 'orders' }]);
  assert.equal(existsSync(host), false, 'its watchdog removes the socket folder');
});

test('a pid file left by a power cut, whose number is now another process, is no obstacle', async () => {
  const first = await openEmbeddedPostgres({ dataDir });
  await first.close();
  const pointer = path.join(dataDir, 'elsewhere');
  const location = existsSync(pointer) ? await readFile(pointer, 'utf8') : dataDir;
  await writeFile(
    path.join(location, 'pgdata/postmaster.pid'),
    `${process.pid}\n${location}/pgdata\n1\n5432\n/tmp\n\n1 1\nready\n`,
  );

  const second = await openEmbeddedPostgres({ dataDir });
  const rows = await ask(through(second, 'postgres'), 'select 1 as one');
  await second.close();

  assert.deepEqual(rows, [{ one: 1 }]);
});

test('removing takes the data along, wherever they are, and is refused while they are in use', async () => {
  const removed = path.join(root, 'removed');
  const server = await openEmbeddedPostgres({ dataDir: removed });
  const pointer = path.join(removed, 'elsewhere');
  const location = existsSync(pointer) ? await readFile(pointer, 'utf8') : removed;

  assert.throws(() => removeEmbeddedPostgres(removed), { code: 'lease-held' });
  await server.close();
  removeEmbeddedPostgres(removed);

  assert.equal(existsSync(location), false);
  assert.equal(existsSync(removed), false);
});
