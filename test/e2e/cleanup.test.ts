import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type CleanupRun, type CleanupTotals, cleanupTotalsSchema } from '../../lib/core/cleanup.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import type { BackupRun, RestoreRun } from '../../lib/core/requests.ts';
import { openKeyProviderOf } from '../../lib/keys/open-key-provider.ts';
import { sealManifest } from '../../lib/keys/seal.ts';
import { runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { manifestOf, type OpenStack, objectsUnder, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

const dayMs = 86_400_000;

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;
before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 500 } });
  folder = await stackFolder({ server });
  opened = await openStack(folder);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

/** Makes a backup so many days older than it is, in its sealed manifest and by the store's clock. */
async function age(run: BackupRun, days: number): Promise<void> {
  const { seal: _, ...manifest } = manifestOf(folder, run);
  const { wrappedKey } = manifest.encryption;
  assert.ok(wrappedKey);
  const keys = await openKeyProviderOf(wrappedKey, folder.config.encryption);
  const dataKey = await keys.unwrap(wrappedKey, { target: run.target, backupId: run.backupId });
  const earlier = (time: string): string => new Date(Date.parse(time) - days * dayMs).toISOString();
  const aged = sealManifest(
    {
      ...manifest,
      beganAt: earlier(manifest.beganAt),
      endedAt: earlier(manifest.endedAt),
      retention: { ...manifest.retention, until: earlier(manifest.retention.until) },
    },
    dataKey,
  );
  const file = join(folder.store, manifestKey(run.target, run.backupId));
  writeFileSync(file, JSON.stringify(aged));
  const then = new Date(Date.now() - days * dayMs);
  utimesSync(file, then, then);
}

async function agedBackup(days: number): Promise<BackupRun> {
  const { run } = await opened.succeeded(opened.backup('orders', { tier: 'daily' }));
  await age(run, days);
  return run;
}

async function cleanUp(
  input: Readonly<Record<string, string | boolean>> = {},
): Promise<{ run: CleanupRun; totals: CleanupTotals }> {
  const { record, run } = await opened.succeeded<CleanupRun>(
    opened.stack.startExecution('holdfast-cleanup', { ...input }),
  );
  const { progress } = JSON.parse(record.output ?? '{}') as { progress: { totals: unknown } };
  return { run, totals: cleanupTotalsSchema.parse(progress.totals) };
}

const cli = (...args: string[]) =>
  runCli([...args, '--config', folder.configFile, '--json'], { environment: folder.environment });
const eventsOf = (id: string): string[] =>
  objectsUnder(folder, `journal/${id}/`).map((key) => (key.split('/')[2] ?? '').replace(/^\d+-|-\d{8}T.*/g, ''));

test('a cleanup asked for by {} removes what has expired, in store, journal, catalog and metrics', async () => {
  const old = await agedBackup(9);
  const { run: newest } = await opened.succeeded(opened.backup('orders'));

  const { run, totals } = await cleanUp();

  assert.deepEqual(objectsUnder(folder, `backups/orders/${old.backupId}/`), []);
  assert.ok(objectsUnder(folder, `backups/orders/${newest.backupId}/`).length > 0);
  assert.equal(totals.deleted, 1);
  assert.ok(totals.freedBytes > 500_000, String(totals.freedBytes));
  assert.deepEqual(eventsOf(old.backupId).slice(-2), ['backup-expired', 'backup-deleted']);
  assert.deepEqual(eventsOf(run.cleanupId), ['cleanup-ended']);
  const rows = await opened.catalog.list({ limit: 100 });
  const statuses = Object.fromEntries(rows.map(({ backupId, status }) => [backupId, status]));
  assert.deepEqual([statuses[old.backupId], statuses[newest.backupId]], ['DELETED', 'COMPLETED']);
  const stages = await opened.catalog.show(old.backupId);
  assert.deepEqual(stages.map(({ status }) => status).slice(-3), ['COMPLETED', 'EXPIRED', 'DELETED']);
  const metrics = await (await fetch(`${opened.stack.statusUrl}/metrics`)).text();
  assert.match(metrics, /^holdfast_backups_deleted_total 1$/m);
});

test('a dry run through the state machine, and one from the store alone, say the same and change nothing', async () => {
  const old = await agedBackup(9);
  const before = objectsUnder(folder, 'backups/');

  const { totals } = await cleanUp({ dryRun: true });
  const alone = JSON.parse((await cli('cleanup', '--dry-run', '--target', 'orders')).stdout) as {
    isDryRun: boolean;
    decisions: { id: string; verdict: string; reason: string }[];
    bytesToFree: number;
  };

  assert.deepEqual(objectsUnder(folder, 'backups/'), before);
  assert.equal(totals.deleted, 0);
  assert.equal(alone.isDryRun, true);
  assert.deepEqual(
    alone.decisions.filter(({ verdict }) => verdict === 'delete').map(({ id }) => id),
    [old.backupId],
  );
  assert.ok(alone.decisions.every(({ reason }) => reason.length > 10));
  assert.ok(alone.bytesToFree > 500_000);
});

test('a held backup stays through a cleanup, says so wherever it is shown, and goes when it is released', async () => {
  const old = await agedBackup(10);
  await opened.succeeded(opened.backup('orders'));

  const held = await cli('hold', old.backupId, '--reason', 'case 4711');
  await cleanUp({ target: 'orders' });
  const shown = JSON.parse((await cli('show', old.backupId)).stdout) as { hold: { reason: string } };
  const listed = JSON.parse((await cli('list', 'orders')).stdout) as { backups: { backupId: string; hold: unknown }[] };
  await opened.reconcile();
  const row = (await opened.catalog.list({ limit: 100 })).find(({ backupId }) => backupId === old.backupId);
  const released = await cli('release', old.backupId, '--reason', 'closed');
  const cleaned = await cli('cleanup', '--target', 'orders');

  assert.deepEqual([held.exitCode, released.exitCode, cleaned.exitCode], [0, 0, 0]);
  assert.equal(shown.hold.reason, 'case 4711');
  assert.deepEqual(
    listed.backups.filter(({ hold }) => hold !== null).map(({ backupId }) => backupId),
    [old.backupId],
  );
  assert.deepEqual([row?.status, row?.holdReason], ['COMPLETED', 'case 4711']);
  const { totals } = JSON.parse(cleaned.stdout) as { totals: CleanupTotals };
  assert.ok(totals.deleted >= 1, JSON.stringify(totals));
  assert.deepEqual(objectsUnder(folder, `backups/orders/${old.backupId}/`), []);
});

test('a cleanup beside a restore of an expired backup costs the restore nothing', async () => {
  const old = await agedBackup(11);
  await opened.succeeded(opened.backup('orders'));

  const restore = opened.restore({ backup: old.backupId, databases: ['orders'], as: 'orders_cleanup' });
  await until(() => objectsUnder(folder, `in-use/orders/${old.backupId}/`).length > 0);
  const { totals } = await cleanUp();
  const { run } = await opened.succeeded<RestoreRun>(restore);

  assert.equal(run.backupId, old.backupId);
  assert.ok(totals.postponed >= 1, JSON.stringify(totals));
  const digest = "select md5(string_agg(o::text, ',' order by id)) from orders o";
  assert.equal(await server.ask('orders_cleanup', digest), await server.ask('orders', digest));
  assert.ok(objectsUnder(folder, `backups/orders/${old.backupId}/`).length > 0, 'it is left for a later cleanup');
});

test('a cleanup beside a running backup costs the backup nothing', async () => {
  const backup = opened.backup('orders');
  const { run } = await opened.succeeded(backup);
  const second = opened.backup('orders');

  const [{ run: during }] = await Promise.all([opened.succeeded(second), cleanUp()]);

  for (const { backupId, target } of [run, during]) {
    const { exitCode, stdout } = await cli('validate', backupId, '--target', target);
    assert.equal(exitCode, 0, stdout);
  }
});

/** Looks again until it holds; what it waits for is an event of another process. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}
