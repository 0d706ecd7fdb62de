import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { targetNameSchema } from '../../lib/core/ids.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { untilCovered } from '../wal/receiver/receiving.ts';
import { catalogDatabase } from './catalog-access.ts';
import { runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

suite('what a loss would cost where a log is received', { concurrency: false }, () => {
  let server: SourceServer;
  let folder: StackFolder;
  let opened: OpenStack;
  before(async () => {
    server = await sourceServer({ orders: { noiseKilobytes: 10 } });
    folder = await stackFolder({
      server,
      received: ['orders'],
      backups: { orders: [{ method: 'base', tier: 'daily', schedule: '0 2 * * *' }] },
    });
    opened = await openStack(folder);
  });
  after(async () => {
    await opened?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
  });

  /** Resolves when the stack's receiver has stored everything that was committed before the moment. */
  const received = async (moment: number): Promise<void> => {
    const store = await openStore(folder.config.store);
    try {
      await untilCovered(store, targetNameSchema.parse('orders'), moment);
    } finally {
      await store.close();
    }
  };

  test('is measured by the log and not by the backup before, in the catalog and on the command line', async () => {
    const first = await opened.succeeded(opened.backup('orders', { method: 'base' }));
    await received(Date.now());
    await opened.invoke('WatchFunction');
    const second = await opened.succeeded(opened.backup('orders', { method: 'base' }));
    await received(Date.now());
    await opened.invoke('WatchFunction');

    await using catalog = await catalogDatabase(folder);
    const { rows } = await catalog.client.query(
      `select backup_bk, measured_by, rpo_seconds < extract(epoch from measured_at - previous_restorable_point) as is_less
         from backup_mgmt.measured_rpo order by backup_bk`,
    );
    const status = await runCli(['status', '--json', '--config', folder.configFile], {
      environment: folder.environment,
    });

    assert.deepEqual(rows, [
      { backup_bk: first.run.backupId, measured_by: null, is_less: null },
      { backup_bk: second.run.backupId, measured_by: 'log', is_less: true },
    ]);
    const { targets } = JSON.parse(status.stdout) as {
      targets: { target: string; restorable: { at: string; ageSeconds: number }; rpo: { attainedSeconds: number } }[];
    };
    const orders = targets.find(({ target }) => target === 'orders');
    const base = await catalog.client.query<{ at: Date }>(
      'select max(restorable_point) as at from backup_mgmt.backup_execution_s where load_end_date is null',
    );
    assert.ok(Date.parse(orders?.restorable.at ?? '') > (base.rows[0]?.at.getTime() ?? 0));
    assert.equal(orders?.rpo.attainedSeconds, orders?.restorable.ageSeconds);
  });
});
