import assert from 'node:assert/strict';
import { chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '../../lib/config/load.ts';
import { newOperationId } from '../../lib/core/ids.ts';
import type { Outcome } from '../../lib/core/outcome.ts';
import type { RestoreTestRun } from '../../lib/core/requests.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { newestOutcome } from '../../lib/store/outcomes.ts';
import { ensureBaseImages } from '../../scripts/servers/base-images.ts';
import { type ContainerEngine, NoContainers } from '../../scripts/servers/container-engine.ts';
import { run as runStatements } from '../e2e/shop.ts';
import { type TakenBackup, takeBackup } from '../e2e/take-backup.ts';
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
  let server: PostgresServer;
  let backup: TakenBackup;
  let image: TaskImage;

  before(async () => {
    server = await postgresServer({ major: 17 });
    await runStatements(server, 'postgres', [
      'create table orders as select n as id from generate_series(1, 100) n',
      'create unique index orders_id on orders (id)',
    ]);
    backup = await takeBackup(server, 'encryption: { keys: key-file }');
    // Whatever the test restores from, it is not the server.
    await server.stop('fast');
    for (const entry of ['', ...readdirSync(backup.folder, { recursive: true, encoding: 'utf8' })])
      chownSync(join(backup.folder, entry), taskAccount, taskAccount);
    image = await buildTaskImage(engine, loadConfig(backup.configFile, {}), 'RestoreTest');
  });
  after(async () => {
    await backup?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test('a container restores a backup into a server of its own version, without privileges and without the source', async () => {
    const { backupId, target } = backup.manifest;
    const run: RestoreTestRun = {
      validationId: newOperationId(new Date()),
      backupId,
      target,
      reason: 'it was named',
      requestedBy: { kind: 'user' },
      execution: 'image',
      requestedAt: new Date().toISOString(),
    };

    const ended = await image.run(
      [`--volume=${backup.folder}:${backup.folder}`, `--env=HOLDFAST_RUN=${JSON.stringify(run)}`],
      ['restore-test'],
    );

    assert.equal(ended.code, 0, `${ended.stderr}\n${ended.stdout}`);
    const figures = (await outcomeOf(backup, run))?.restoreTest;
    assert.match(figures?.serverVersion ?? '', /^17\./);
    assert.deepEqual([figures?.databases, figures?.tables, figures?.rows, figures?.relations], [1, 1, 100, 2]);
  });

  test('the image has the server of every major version, and its client tools, where the program looks for them', async () => {
    const ask =
      'for major in 13 14 15 16 17 18; do for program in postgres pg_restore; do /usr/lib/postgresql/$major/bin/$program --version; done; done';

    const { stdout } = await image.run(['--entrypoint=sh'], ['-c', ask]);

    assert.deepEqual(
      [...stdout.matchAll(/^(postgres|pg_restore) \(PostgreSQL\) (\d+)/gm)].map(
        ([, program, major]) => `${program} ${major}`,
      ),
      [13, 14, 15, 16, 17, 18].flatMap((major) => [`postgres ${major}`, `pg_restore ${major}`]),
    );
  });

  test('Redis and Valkey of today run beside the libraries of an older Debian, where the program looks for them', async () => {
    const ask =
      'for server in "$HOLDFAST_REDIS_BIN"/redis-server "$HOLDFAST_REDIS_BIN"/valkey-server redis-server; do $server --version; done';

    const { stdout } = await image.run(['--entrypoint=sh'], ['-c', ask]);

    assert.deepEqual(
      [...stdout.matchAll(/^(Redis|Valkey) server v=(\d+)/gm)].map(([, product, major]) => `${product} ${major}`),
      ['Redis 8', 'Valkey 8', 'Redis 7'],
    );
  });

  test('no server was made or started while the image was built, and the locales are there', async () => {
    const ask = 'ls /var/lib/postgresql /etc/postgresql 2>/dev/null | grep -c main; locale -a | grep -c de_DE.utf8';

    const { stdout } = await image.run(['--entrypoint=sh'], ['-c', ask]);

    assert.equal(stdout, '0\n1\n');
  });

  test('a container without a run to do says so and ends with a code that is not worth another attempt', async () => {
    const ended = await image.run([], []);

    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /usage: main\.mjs backup \| restore \| restore-test/);
  });
}

async function outcomeOf({ configFile }: TakenBackup, { validationId }: RestoreTestRun): Promise<Outcome | undefined> {
  const store = await openStore(loadConfig(configFile, {}).store);
  try {
    return await newestOutcome(store, validationId);
  } finally {
    await store.close();
  }
}
