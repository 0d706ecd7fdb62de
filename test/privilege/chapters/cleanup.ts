import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type CleanupRun, noTotals } from '../../../lib/core/cleanup.ts';
import { runCli } from '../../e2e/run-cli.ts';
import { age, leaveDecision, leaveOldObjects, liftLegalHold, lockData, loseJournal } from '../age.ts';
import { again, type Chapter, entered, type Shown } from './chapter.ts';

export const cleanup: Chapter = {
  name: 'backups are held and released, and what is over is removed, but for what is locked',
  live: async (installation) => {
    const { opened, configFile, environment } = installation;
    const { run: old } = await opened.succeeded(opened.backup('stock', { tier: 'daily' }));
    const { run: locked } = await opened.succeeded(opened.backup('stock', { tier: 'daily' }));
    const { run: forgotten } = await opened.succeeded(opened.backup('stock', { tier: 'daily' }));
    const { run: read } = await opened.succeeded(opened.backup('stock', { tier: 'daily' }));
    const { run: newest } = await opened.succeeded(opened.backup('stock'));
    // The newest that is verified stays, whatever its age.
    await opened.succeeded(opened.restoreTest({ backup: newest.backupId }));
    await opened.succeeded(opened.restore({ backup: read.backupId, into: 'archive', as: 'stock_read' }));
    for (const run of [old, locked, forgotten, read]) await age(installation, run, 400);
    await loseJournal(installation, forgotten);
    await lockData(installation, locked);
    await leaveOldObjects(installation);
    const cleanUp = (input: Readonly<Record<string, boolean>>) =>
      opened.succeeded<CleanupRun>(opened.stack.startExecution('holdfast-cleanup', input));
    const shown: Shown[] = [];
    const say = async (...args: string[]): Promise<void> => {
      const end = await runCli([...args, '--config', configFile], { environment });
      assert.equal(end.exitCode, 0, end.stderr);
      shown.push({ where: `holdfast ${args.join(' ')}`, text: end.stdout + end.stderr });
    };
    await say('hold', old.backupId, '--reason', 'case 4711');
    await liftLegalHold(installation, old);
    await cleanUp({ dryRun: true });
    await cleanUp({});
    await say('release', old.backupId, '--reason', 'closed');
    await leaveDecision(installation, old);
    const { run: cleaned, record } = await cleanUp({});
    const planned = { execution: record.name, startedAt: record.beganAt, redriveCount: 0 };
    await again(opened, 'plan-cleanup', { ...planned, request: {} });
    await again(opened, 'sweep-expired', { run: cleaned, progress: { next: 0, isDone: false, totals: noTotals } });
    await again(opened, 'end-cleanup', { run: cleaned, totals: noTotals });
    const rows = await opened.catalog.list({ limit: 1000 });
    assert.deepEqual(
      [old, locked, forgotten, read].map(({ backupId }) => rows.find((row) => row.backupId === backupId)?.status),
      // What a lock keeps is marked, and goes when the lock ends; what somebody has only just read stays as it is.
      ['DELETED', 'EXPIRED', 'DELETED', 'COMPLETED'],
    );
    return shown;
  },
};

export const failedCleanup: Chapter = {
  name: 'a cleanup finds its plan gone',
  live: async ({ opened, s3, bucket }) => {
    const { endpoint, region, accessKeyId, secretAccessKey } = s3;
    const place = { endpoint, region, bucket, prefix: 'cleanups/', credentials: { accessKeyId, secretAccessKey } };
    const cleaning = opened.stack.startExecution('holdfast-cleanup', {});
    await entered(opened, cleaning, 'Remove what has expired', () => {
      const script = fileURLToPath(new URL('../erase-prefix.ts', import.meta.url));
      const { status, stderr } = spawnSync(process.execPath, [script], {
        env: { ERASE: JSON.stringify(place) },
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
    });
    const { status, error } = await opened.stack.waitFor(cleaning.arn);
    assert.deepEqual([status, error], ['FAILED', 'object-missing']);
    return undefined;
  },
};
