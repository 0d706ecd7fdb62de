import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { startUnpacked, unpackBase, verifyBackup } from '../engines/postgres/base/unpack-base.ts';
import { session } from '../engines/postgres/run-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { minioServer, type S3Server } from '../servers/s3.ts';
import { type Installation, openInstallation } from './installation.ts';
import { readBack } from './read-back.ts';

const base = { method: 'base', format: 'base' } as const;

for (const { major, stores, isWhole } of [
  { major: 15, stores: ['directory'], isWhole: false },
  { major: 17, stores: ['directory', 's3'], isWhole: true },
  { major: 18, stores: ['s3'], isWhole: false },
] as const) {
  suite(`base backups of PostgreSQL ${major}, through the runner`, { concurrency: false }, () => {
    let server: PostgresServer;
    let s3: S3Server;
    let load: ChildProcess;
    let targets: string;
    before(async () => {
      // Pages that are read while they are written are whole again only by their images in the WAL.
      server = await postgresServer({ major, settings: { full_page_writes: 'on' } });
      s3 = await minioServer();
      process.env['BASE_PASSWORD'] = server.password;
      process.env['AWS_ACCESS_KEY_ID'] = s3.accessKeyId;
      process.env['AWS_SECRET_ACCESS_KEY'] = s3.secretAccessKey;
      targets = `  - { name: source, engine: postgres, connection: { host: ${server.host}, port: ${server.port}, user: ${server.user}, password: { env: BASE_PASSWORD }, sslmode: disable } }\n`;
      await promisify(execFile)(path.join(server.binDir, 'pgbench'), ['-i', '-s', '3', '-q', 'postgres'], pgbench());
      load = spawn(path.join(server.binDir, 'pgbench'), ['-c', '2', '-R', '300', '-T', '3600', '-n', 'postgres'], {
        ...pgbench(),
        stdio: 'ignore',
      });
    });
    after(async () => {
      load?.kill();
      await s3?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    });
    const pgbench = () => ({
      env: {
        ...process.env,
        PGHOST: server.host,
        PGPORT: String(server.port),
        PGUSER: server.user,
        PGPASSWORD: server.password,
      },
    });

    for (const store of stores) {
      test(`${store}: what is read under load is proved, found whole by the server's own tool, and recovers consistent`, async () => {
        await using stack = new AsyncDisposableStack();
        const of = { algorithm: 'aes-256-gcm', targets, ...(store === 's3' && { s3 }) } as const;
        const installation = stack.use(await openInstallation(of));
        const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-base-'));
        stack.defer(() => rm(folder, { recursive: true, force: true }));

        const manifest = await installation.backUp({ ...base, execution: 'first' });

        assert.equal(manifest.status, 'complete');
        assert.deepEqual(
          manifest.streams.map(({ stream }) => stream),
          ['cluster', 'backup-manifest'],
        );
        assert.deepEqual((await installation.validate(manifest)).problems, []);
        const data = await unpackBase(await readBack(installation, manifest), folder);
        assert.match(await verifyBackup(server.binDir, data), /backup successfully verified/);
        const copy = stack.use(await startUnpacked(data, major));
        await using client = await session(copy, 'postgres');
        const { rows } = await client.query(
          `select (select sum(abalance) from pgbench_accounts) - (select sum(bbalance) from pgbench_branches) as branches,
                  (select sum(abalance) from pgbench_accounts) - (select sum(tbalance) from pgbench_tellers) as tellers,
                  (select sum(abalance) from pgbench_accounts) - (select sum(delta) from pgbench_history) as history`,
        );
        assert.deepEqual(rows, [{ branches: '0', tellers: '0', history: '0' }]);
      });
    }

    if (!isWhole) return;
    for (const phase of ['capture', 'publish'])
      test(`one that is killed in its phase '${phase}' leaves no slot and nothing that is listed, and the next attempt is whole`, async () => {
        await using installation = await openInstallation({ algorithm: 'aes-256-gcm', targets });
        const { configFile: config } = installation;
        const args = Object.entries({ config, ...base, execution: 'killed', phase }).map(
          ([option, value]) => `--${option}=${value}`,
        );

        const child = spawn(process.execPath, [path.join(import.meta.dirname, 'backup-and-die.ts'), ...args], {
          stdio: ['ignore', 'inherit', 'inherit'],
        });
        const [, signal] = await once(child, 'exit');
        const published = await manifestKeys(installation);
        const manifest = await installation.backUp({ ...base, execution: 'killed' });

        assert.equal(signal, 'SIGKILL');
        assert.deepEqual(published, []);
        assert.deepEqual((await installation.validate(manifest)).problems, []);
        await using client = await session(server, 'postgres');
        const { rows } = await client.query('select slot_name from pg_replication_slots');
        assert.deepEqual(rows, []);
      });

    test('a turned bit in the store is found, and said of the object', async () => {
      await using installation = await openInstallation({ algorithm: 'none', targets });
      const manifest = await installation.backUp({ ...base, execution: 'first' });
      const key = manifest.streams[0]?.objects[0]?.key ?? assert.fail('the backup has no object');

      await installation.within(async ({ store }) => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of (await store.get(key)).body) chunks.push(chunk);
        const bytes = Buffer.concat(chunks);
        bytes[1000] = (bytes[1000] ?? 0) ^ 1;
        await store.put(key, bytes);
      });

      const { problems } = await installation.validate(manifest);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ['corrupt'],
      );
    });
  });
}

async function manifestKeys(installation: Installation): Promise<string[]> {
  return installation.within(async ({ store }) => {
    const keys: string[] = [];
    for await (const { key } of store.list('backups/')) if (key.endsWith('/manifest.json')) keys.push(key);
    return keys;
  });
}
