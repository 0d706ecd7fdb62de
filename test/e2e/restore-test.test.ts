import assert from 'node:assert/strict';
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { RestoreTestRun } from '../../lib/core/requests.ts';
import { readRestorablePoints } from '../../lib/lifecycle/restorable-points.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { catalogDatabase } from './catalog-access.ts';
import { runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { manifestOf, type OpenStack, objectsUnder, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

suite('restore tests through the state machine', { concurrency: false }, () => {
  let server: SourceServer;
  let folder: StackFolder;
  let opened: OpenStack;
  /** Where test servers are, of these tests alone. */
  let temporary: string;
  before(async () => {
    server = await sourceServer({
      orders: { noiseKilobytes: 500 },
      stock: { noiseKilobytes: 10 },
      books: { noiseKilobytes: 10 },
    });
    await server.run('books', 'create extension pg_trgm');
    folder = await stackFolder({
      server,
      restoreTests: {
        orders: {
          assertions: [
            { name: 'orders are there', database: 'orders', sql: 'select count(*) from orders', expect: { min: 500 } },
          ],
        },
        stock: {
          assertions: [
            {
              name: 'stock is fresh',
              database: 'stock',
              sql: 'select max(placed) from orders',
              expect: { withinHours: 26 },
            },
          ],
        },
      },
    });
    temporary = mkdtempSync(join(tmpdir(), 'hf-'));
    chmodSync(temporary, 0o1777);
    opened = await openStack(folder, { environment: { ...folder.environment, TMPDIR: temporary } });
  });
  after(async () => {
    await opened?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
    rmSync(temporary, { recursive: true, force: true });
    await server?.[Symbol.asyncDispose]();
  });

  const cli = (...args: readonly string[]) =>
    runCli([...args, '--config', folder.configFile], { environment: folder.environment });
  const eventsOf = (operation: string) =>
    objectsUnder(folder, `journal/${operation}/`).map((key) => key.split('/')[2]?.replace(/-\d{8}T.*/, ''));
  const points = async () => {
    const store = await openStore(folder.config.store);
    try {
      const places = { config: folder.config, store, clock: () => new Date('2026-11-30T00:00:00Z'), warn: () => {} };
      const [fromCatalog, fromStore] = [
        await readRestorablePoints({ ...places, catalog: opened.catalog }),
        await readRestorablePoints({ ...places, catalog: undefined }),
      ];
      return { fromCatalog, fromStore };
    } finally {
      await store.close();
    }
  };

  test('an installation without backups has nothing to test', async () => {
    const record = await opened.stack.waitFor(opened.restoreTest({}).arn);

    assert.equal(record.status, 'SUCCEEDED');
    assert.match(record.output ?? '', /"verdict":"nothing"/);
  });

  test('{} tests the only backup there is, and it is verified, with its history in the catalog', async () => {
    const backup = opened.backup('orders');
    const { run } = await opened.succeeded(backup);

    const { record, run: tested } = await opened.succeeded<RestoreTestRun>(opened.restoreTest({}));

    assert.equal(tested.backupId, run.backupId);
    assert.match(tested.reason, /^chosen by chance among 1, with a probability of 100\.0 %$/);
    assert.deepEqual(eventsOf(tested.validationId), ['010-restore-test-requested', '030-restore-test-ended']);
    assert.deepEqual(eventsOf(run.backupId), [
      '010-backup-requested',
      '020-backup-begun',
      '030-backup-completed',
      '040-backup-verified',
    ]);
    const row = await opened.rowOf(backup);
    assert.equal(row?.verification, 'VERIFIED');

    await using database = await catalogDatabase(folder);
    const { rows } = await database.client.query(
      'select * from backup_mgmt.validation_results order by validation_timestamp desc',
    );
    assert.deepEqual(
      rows.map(({ validation_type, validation_status, backup_bk }) => [validation_type, validation_status, backup_bk]),
      [
        ['restore-test', 'PASSED', run.backupId],
        ['full', 'PASSED', run.backupId],
      ],
    );
    const [test] = rows;
    assert.equal(test.rows_compared, '1500');
    assert.equal(test.tables_compared, '2');
    assert.equal(test.assertions_checked, 1);
    assert.equal(test.execution, record.name);
    assert.equal(test.error_code, null);
    assert.ok(Number(test.rto_seconds) > 0 && Number(test.restore_seconds) > 0);
    assert.ok(Number(test.bytes_read) >= manifestOf(folder, run).plainBytes);
    const metrics = await (await fetch(`${opened.stack.statusUrl}/metrics`)).text();
    assert.match(metrics, /^holdfast_restore_test_passed_total\{target="orders"\} 1$/m);
    assert.match(metrics, /^holdfast_rto_attained_seconds\{target="orders"\} [\d.]+$/m);
    assert.deepEqual(globSync('holdfast-test-*', { cwd: temporary }), []);
  });

  test('the last verified restorable point is the same from the catalog and from the store alone', async () => {
    const { run } = await opened.succeeded(opened.backup('orders'));

    const { fromCatalog, fromStore } = await points();

    assert.equal(fromCatalog.source, 'catalog');
    assert.equal(fromStore.source, 'store');
    assert.deepEqual(fromStore.targets, fromCatalog.targets);
    const [orders] = fromStore.targets;
    const newest = manifestOf(folder, run).streams.find(({ kind }) => kind === 'database');
    assert.equal(orders?.restorable?.backupId, run.backupId);
    assert.equal(orders?.restorable?.at, newest?.facts['snapshotAt']);
    assert.ok((orders?.verified?.at ?? '') < (orders?.restorable?.at ?? ''));
    assert.equal(orders?.lastRestoreTest?.status, 'PASSED');
    assert.ok(Number(orders?.rpo.attainedSeconds) > 0);
    await opened.reconcile();
    const metrics = await (await fetch(`${opened.stack.statusUrl}/metrics`)).text();
    for (const name of ['restorable_point_age', 'verified_point_age', 'rpo_attained'])
      assert.match(metrics, new RegExp(`^holdfast_${name}_seconds\\{target="orders"\\} [\\d.]+$`, 'm'));
  });

  test('an assertion that does not hold fails the test under its own code, and the backup is not verified', async () => {
    const backup = opened.backup('stock');
    await opened.succeeded(backup);

    const record = await opened.failed(opened.restoreTest({ target: 'stock' }), 'assertion-failed');

    assert.match(record.cause ?? '', /assertion 'stock is fresh': expected a time within 26 hours before the snapshot/);
    assert.equal((await opened.rowOf(backup))?.verification, 'FAILED');
    const [result] = await opened.catalog.validations({ target: 'stock' as never, type: 'restore-test' });
    assert.deepEqual([result?.status, result?.errorCode, result?.assertions], ['FAILED', 'assertion-failed', 1]);
  });

  test('the command starts a test, follows it, and says what was proved', async () => {
    const { run } = await opened.succeeded(opened.backup('books'));

    const end = await cli('restore-test', 'books', '--json');

    assert.equal(end.exitCode, 0, end.stderr);
    const told = JSON.parse(end.stdout) as { backupId: string; status: string; figures: { tables: number } };
    assert.deepEqual([told.backupId, told.status, told.figures.tables], [run.backupId, 'PASSED', 2]);
  });

  test('status says what is late, and its exit code too', async () => {
    const end = await cli('status', '--json');
    const text = await cli('status');

    assert.equal(end.exitCode, 31, end.stderr);
    const { targets, source } = JSON.parse(end.stdout) as {
      source: string;
      targets: { target: string; late: { code: string }[] }[];
    };
    assert.equal(source, 'catalog');
    assert.deepEqual(
      targets.map(({ target, late }) => [target, late.map(({ code }) => code)]),
      [
        ['orders', []],
        ['stock', ['no-backup']],
        ['books', []],
        ['files', ['no-backup']],
        ['mail', ['no-backup']],
      ],
    );
    assert.match(text.stdout, /LATE files: there is no complete backup/);
  });

  test('a backup with a flipped bit fails its restore test as corrupt, and everything is validated beside it', async () => {
    const damaged = opened.backup('orders');
    const { run } = await opened.succeeded(damaged);
    const key = manifestOf(folder, run).streams.find(({ kind }) => kind === 'database')?.objects[0]?.key ?? '';
    const path = join(folder.store, key);
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length / 2);
    writeFileSync(path, bytes.with(at, (bytes[at] ?? 0) ^ 1));

    await opened.failed(opened.restoreTest({ backup: run.backupId }), 'corrupt');
    const report = join(folder.root, 'report.md');
    const all = await cli('validate', '--all', '--report', report, '--json');

    assert.equal((await opened.rowOf(damaged))?.verification, 'FAILED');
    assert.equal(all.exitCode, 15, all.stderr);
    const { validations } = JSON.parse(all.stdout) as { validations: { backupId: string; result: string }[] };
    assert.equal(validations.length, 5);
    assert.deepEqual(
      validations.filter(({ result }) => result !== 'PASSED').map(({ backupId }) => backupId),
      [run.backupId],
    );
    const text = readFileSync(report, 'utf8');
    assert.match(text, /^- PASSED: 4$/m);
    assert.match(text, /^- FAILED: 1$/m);
    assert.match(text, new RegExp(`^- ${run.backupId} of orders$`, 'm'));
    assert.equal((await opened.catalog.validations({ backupId: run.backupId, type: 'full' })).length, 2);
  });
});
