import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { BackupRun } from '../../../lib/core/requests.ts';
import type { Json } from '../../../lib/local/json.ts';
import { age } from '../age.ts';
import { secretText } from '../canaries.ts';
import type { Installation } from '../installation.ts';
import { findProcess } from '../process-watch.ts';
import { until } from '../watched-tools.ts';
import { again, type Chapter, entered, stopped } from './chapter.ts';

export const nightly: Chapter = {
  name: 'schedules fire: everything that is due in a night',
  live: async ({ opened, clock }) => {
    clock.moveTo('2026-11-21T02:15:00Z');
    await Promise.all(opened.stack.executions.list().map(({ arn }) => opened.stack.waitFor(arn)));
    const nightly = opened.stack.executions.list().find(({ arn }) => arn.includes('holdfast-backup'));
    assert.equal(nightly?.status, 'SUCCEEDED', nightly?.cause);
    // A schedule may fire twice; the second finds what the first left.
    await opened.succeeded(opened.stack.startExecution('holdfast-backup', JSON.parse(nightly?.input ?? '{}') as Json));
    return undefined;
  },
};

export const byHand: Chapter = {
  name: 'people back up by password file and by variable, and two at once are one too many',
  live: async ({ opened }) => {
    await opened.succeeded(opened.backup('stock'));
    const both = [opened.backup('books'), opened.backup('books')];
    const ends = await Promise.all(both.map(({ arn }) => opened.stack.waitFor(arn)));
    assert.deepEqual(ends.map(({ status, error }) => `${status} ${error ?? ''}`.trim()).sort(), [
      'FAILED lease-held',
      'SUCCEEDED',
    ]);
    return undefined;
  },
};

export const failing: Chapter = {
  name: 'backups fail: a dump that ends badly, a wrong password, a task that is killed',
  live: async (installation) => {
    const { opened, tools, planted, writeStockPassword } = installation;
    tools.makeDumps('fail');
    await opened.stack.waitFor(opened.backup('orders').arn);
    tools.makeDumps('stall');
    const killed = opened.backup('books');
    await tools.stalled();
    const task = findProcess(/main\.mjs backup/);
    assert.ok(task !== undefined, 'no task runs');
    process.kill(task, 'SIGKILL');
    tools.makeDumps('work');
    await entered(opened, killed, 'Wait before the next attempt');
    await stopped(opened, killed);
    writeStockPassword(secretText('wrong-password'));
    await opened.failed(opened.backup('stock'), 'auth-failed');
    writeStockPassword(planted.stockPassword);
    return undefined;
  },
};

export const stoppedByOperators: Chapter = {
  name: 'an operator stops executions: one that writes, one that has published and not recorded',
  live: async (installation) => {
    const { opened, tools } = installation;
    tools.makeDumps('stall');
    const writing = opened.backup('orders');
    await uploadBegan(installation, tools.stalled);
    tools.makeDumps('work');
    await stopped(opened, writing);

    const published = opened.backup('books');
    await entered(opened, published, 'Validate the backup');
    // So long ago that the run writes no ending of its own any more.
    await age(installation, await stopped(opened, published), 1);
    assert.equal((await opened.reconcile())['journaled'], 1);
    return undefined;
  },
};

export const retriedSteps: Chapter = {
  name: 'steps that are tried again find what they did before, and what is not there',
  live: async ({ opened }) => {
    const { run, record } = await opened.succeeded<BackupRun>(opened.backup('stock'));
    await again(opened, 'admit-backup', { request: JSON.parse(record.input) as Json, execution: record.name });
    await again(opened, 'release-lease', { run });
    const absent = { ...run, backupId: '20200101T000000Z-00000000' };
    await again(opened, 'validate-backup', { run });
    await again(opened, 'validate-backup', { run: absent });
    await again(opened, 'release-lease', { run: { ...absent, target: 'nowhere' } });
    await again(opened, 'record-outcome', { run });
    return undefined;
  },
};

/** Resolves when an upload of a database's dump has begun that was not there before. */
async function uploadBegan({ opened, root }: Installation, work: () => Promise<void>): Promise<void> {
  const begun = async (): Promise<number> =>
    (await opened.stack.calls.read()).filter(
      ({ action, resource, context }) =>
        action === 's3:PutObject' && context['s3:ObjectCreationOperation'] === 'false' && !resource.includes('globals'),
    ).length;
  const before = await begun();
  await work();
  await until(join(root, '.holdfast'), async () => (await begun()) > before);
}
