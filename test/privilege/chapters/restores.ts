import assert from 'node:assert/strict';
import type { RestoreRun, RestoreTestRun } from '../../../lib/core/requests.ts';
import type { Json } from '../../../lib/local/json.ts';
import { damage } from '../age.ts';
import { again, type Chapter } from './chapter.ts';

export const restores: Chapter = {
  name: 'restores, one of them over a database that is there',
  live: async ({ opened }) => {
    const { run, record } = await opened.succeeded<RestoreRun>(
      opened.restore({ backup: 'latest', target: 'orders', as: 'orders_copy' }),
    );
    const failed = await opened.stack.waitFor(
      opened.restore({ backup: run.backupId, target: 'orders', as: 'orders_copy' }).arn,
    );
    assert.equal(failed.status, 'FAILED');
    await opened.succeeded(opened.restore({ backup: run.backupId, into: 'archive', as: 'orders_archive' }));
    await again(opened, 'admit-restore', {
      request: JSON.parse(record.input) as Json,
      execution: record.name,
      startedAt: record.beganAt,
    });
    await again(opened, 'admit-restore', {
      request: { backup: '20200101T000000Z-00000000' },
      execution: 'x',
      startedAt: record.beganAt,
    });
    await again(opened, 'record-outcome', { run });
    return undefined;
  },
};

export const restoreTests: Chapter = {
  name: 'backups are proved by restoring them into a server of their own',
  live: async ({ opened }) => {
    const { run, record } = await opened.succeeded<RestoreTestRun>(opened.restoreTest({}));
    await opened.succeeded(opened.restoreTest({ backup: run.backupId }));
    await opened.failed(opened.restoreTest({ backup: '20200101T000000Z-00000000' }), 'backup-unknown');
    await again(opened, 'admit-restore-test', {
      request: JSON.parse(record.input) as Json,
      execution: record.name,
      startedAt: record.beganAt,
    });
    await again(opened, 'record-outcome', { run });
    return undefined;
  },
};

export const failedRestoreTest: Chapter = {
  name: 'a restore test finds a backup that was damaged',
  live: async (installation) => {
    const { opened } = installation;
    const { run } = await opened.succeeded(opened.backup('books'));
    await damage(installation, run);
    await opened.failed(opened.restoreTest({ backup: run.backupId }), 'corrupt');
    return undefined;
  },
};
