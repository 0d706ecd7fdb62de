import assert from 'node:assert/strict';
import {
  chownSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import type { HoldfastConfig } from '../../lib/config/config.ts';
import { loadConfig } from '../../lib/config/load.ts';
import type { TargetName } from '../../lib/core/ids.ts';
import { type Manifest, parseManifest } from '../../lib/core/manifest.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import type { BackupRun } from '../../lib/core/requests.ts';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { createRecorder } from '../../lib/lifecycle/recorder.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { ensureBaseImages } from '../../scripts/servers/base-images.ts';
import { type ContainerEngine, NoContainers } from '../../scripts/servers/container-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { buildTaskImage, type TaskImage } from './task-image.ts';

const engine = await ensureBaseImages((line) => console.error(line)).catch((error: unknown) => {
  if (error instanceof NoContainers) return error;
  throw error;
});
if (engine instanceof NoContainers) {
  // Its contract is checked by test/constructs/dockerfile.test.ts, which needs no containers.
  test('the image is not built on a machine that runs no containers, and the Dockerfile alone is checked', (context) => {
    context.diagnostic(engine.message);
  });
} else testImage(engine);

/** The account in the image that the program runs as. */
const taskAccount = 10_001;

function testImage(engine: ContainerEngine): void {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-image-'));
  const servers = new Map<17 | 18, PostgresServer>();
  let config: HoldfastConfig;
  let image: TaskImage;

  before(async () => {
    for (const major of [17, 18] as const) servers.set(major, await postgresServer({ major }));
    for (const server of servers.values()) {
      await using client = await connected(server);
      await client.query('create table orders as select n as id from generate_series(1, 100) n');
    }
    config = await writeConfig(folder, servers);
    image = await buildTaskImage(engine, config);
  });
  after(async () => {
    for (const server of servers.values()) await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const runBackup = (run: BackupRun, ...options: readonly string[]) =>
    image.run([`--volume=${folder}:${folder}`, `--env=HOLDFAST_RUN=${JSON.stringify(run)}`, ...options], ['backup']);

  for (const major of [17, 18] as const) {
    test(`a container backs up a PostgreSQL ${major} server with the client tools of ${major}`, async () => {
      const run = await admitted(config, `pg${major}`, folder);

      const ended = await runBackup(run);

      assert.equal(ended.code, 0, `${ended.stderr}\n${ended.stdout}`);
      const manifest = manifestOf(folder, run);
      assert.equal(manifest.status, 'complete');
      assert.equal(manifest.source['major'], major);
      assert.match(String(manifest.source['toolVersion']), new RegExp(`^${major}\\.`));
      assert.deepEqual(manifest.streams.map(({ kind, name }) => `${kind} ${name}`).sort(), [
        'database postgres',
        'globals globals',
      ]);
      assert.equal(manifest.writer.image, assetHash(image));
      const objects = globSync(`backups/pg${major}/${run.backupId}/**/*.*`, { cwd: join(folder, 'vault') });
      assert.ok(objects.length >= 3, objects.join());
      for (const object of objects) assert.equal(statSync(join(folder, 'vault', object)).uid, taskAccount, object);
    });
  }

  test('a container that is told to stop ends with 143 and publishes nothing', async () => {
    const run = await admitted(config, 'stopped-17', folder);
    const server = servers.get(17);
    assert.ok(server);
    await using blocker = await connected(server);
    await blocker.query('begin; lock table orders in access exclusive mode');
    const name = `holdfast-stop-${process.pid}`;

    const ending = runBackup(run, `--name=${name}`);
    await Promise.race([waitForBlocked(blocker), ending]);
    await engine.podman(['kill', '--signal=TERM', name]);
    const ended = await ending;

    assert.equal(ended.code, 143, `${ended.stderr}\n${ended.stdout}`);
    assert.match(ended.stderr, /"code":"stopped"/);
    assert.throws(() => manifestOf(folder, run), { code: 'ENOENT' });
  });

  test('the image has the client tools of every major version where the program looks for them', async () => {
    const ask = 'for major in 13 14 15 16 17 18; do /usr/lib/postgresql/$major/bin/pg_dump --version; done';

    const { stdout } = await image.run(['--entrypoint=sh'], ['-c', ask]);

    assert.deepEqual(
      [...stdout.matchAll(/^pg_dump \(PostgreSQL\) (\d+)/gm)].map(([, major]) => Number(major)),
      [13, 14, 15, 16, 17, 18],
    );
  });

  test('the program runs without privileges, and cannot change itself', async () => {
    const ask = 'id -u; id -g; find /opt/holdfast -maxdepth 1 -type f | sort; find /opt/holdfast -writable';

    const { stdout } = await image.run(['--entrypoint=sh', '--read-only=false'], ['-c', ask]);

    assert.deepEqual(stdout.trim().split('\n'), [
      ...['10001', '10001'],
      ...['/opt/holdfast/holdfast.json', '/opt/holdfast/main.mjs', '/opt/holdfast/main.mjs.map'],
      ...['/opt/holdfast/read-worker.mjs', '/opt/holdfast/read-worker.mjs.map'],
      ...['/opt/holdfast/write-worker.mjs', '/opt/holdfast/write-worker.mjs.map'],
    ]);
  });

  test('what only the build needed is gone, and authorities for TLS are not', async () => {
    const ask =
      'command -v curl gpg gpg-agent; find /var/lib/apt/lists -type f; test -s /etc/ssl/certs/ca-certificates.crt && echo trusts';

    const { stdout } = await image.run(['--entrypoint=sh'], ['-c', ask]);

    assert.equal(stdout, 'trusts\n');
  });

  test('a container without a run to do says so and ends with a code that is not worth another attempt', async () => {
    const ended = await image.run([], []);

    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /usage: main\.mjs backup \| restore/);
  });
}

async function writeConfig(folder: string, servers: ReadonlyMap<number, PostgresServer>): Promise<HoldfastConfig> {
  mkdirSync(join(folder, 'vault'));
  const targets = [...servers].flatMap(([major, { host, port, user, password }]) => {
    writeFileSync(join(folder, `password-${major}`), password, { mode: 0o600 });
    const secret = { file: join(folder, `password-${major}`) };
    const connection = { host, port, user, password: secret, sslmode: 'disable', databases: ['postgres'] };
    // Nobody releases the lease of a run here, so a run that is to be stopped has a target of its own.
    return [`pg${major}`, `stopped-${major}`].map((name) => ({ name, engine: 'postgres', connection }));
  });
  const file = join(folder, 'holdfast.yaml');
  const settings = { store: { kind: 'file', path: './vault' }, encryption: { keys: 'key-file' }, targets };
  writeFileSync(file, JSON.stringify(settings));
  const config = loadConfig(file, {});
  await ensureKeyFile(config.encryption.keyFile);
  return config;
}

/** A run admitted as the state machine would, in a folder that then belongs to the account of the image. */
async function admitted(config: HoldfastConfig, target: string, folder: string): Promise<BackupRun> {
  const store = await openStore(config.store);
  try {
    const clock = () => new Date();
    const recorder = createRecorder({ store, catalog: undefined, warn: () => {} });
    const admission = await admitBackup(
      { config, store, recorder, clock },
      {
        request: { target: target as TargetName },
        execution: `image-${process.hrtime.bigint()}`,
        startedAt: '2026-11-21T02:00:00.000Z',
        redriveCount: 0,
      },
    );
    if (admission.verdict !== 'admitted') throw new Error(JSON.stringify(admission));
    return admission.run;
  } finally {
    await store.close();
    for (const entry of ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })])
      chownSync(join(folder, entry), taskAccount, taskAccount);
  }
}

function manifestOf(folder: string, { target, backupId }: BackupRun): Manifest {
  const key = manifestKey(target, backupId);
  return parseManifest(readFileSync(join(folder, 'vault', key), 'utf8'), key);
}

const assetHash = ({ definition }: TaskImage): unknown =>
  definition.Environment.find(({ Name }) => Name === 'HOLDFAST_IMAGE')?.Value;

async function connected(server: PostgresServer): Promise<Client & AsyncDisposable> {
  const client = new Client({ connectionString: server.url('postgres') });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

async function waitForBlocked(client: Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query('select from pg_locks where not granted');
    if (rows.length > 0) return;
  }
}
