import { catalogDatabase } from '../../e2e/catalog-access.ts';
import { type Chapter, stopped } from './chapter.ts';

const calls = [
  "create_full_backup(target => 'stock')",
  "initiate_point_in_time_recovery(target => 'orders', recovery_type => 'FULL', database => 'orders', restore_as => 'orders_sql', approval_required => false)",
  "verify_backup_integrity(target => 'stock')",
  'cleanup_expired_backups(dry_run => true)',
];

export const sqlRequests: Chapter = {
  name: 'people ask by SQL, what takes their requests dies between starting a run and saying so, and a run is stopped',
  live: async ({ opened, tools }) => {
    await using catalog = await catalogDatabase(opened.folder);
    const ask = async (text: string) => (await catalog.client.query(text)).rows;
    const { executions } = opened.stack;
    for (const call of calls) await ask(`select * from backup_mgmt.${call}`);
    await opened.takeRequests();
    // Runs are asked after half a minute after their start.
    const longAgo = `update holdfast.request set status = 'STARTED', taken_at = now() - interval '1 minute'`;
    await ask(longAgo);
    await opened.takeRequests();
    await Promise.all(executions.list().map(({ arn }) => opened.stack.waitFor(arn)));
    // What was taken and not heard of is taken again.
    await ask(
      `update holdfast.request set status = 'TAKEN', taken_at = now() - interval '2 minutes' where kind = 'backup'`,
    );
    await opened.takeRequests();

    // One that was stopped has no ending in the journal.
    tools.makeDumps('stall');
    const [asked] = await ask("select * from backup_mgmt.create_full_backup(target => 'stock')");
    await opened.takeRequests();
    // Whoever has taken it: a run that ended a moment ago makes others look as well.
    await tools.stalled();
    tools.makeDumps('work');
    const run = executions.list().find(({ name }) => name.includes(asked?.['backup_bk']));
    if (run === undefined) throw new Error('what was asked for was not started');
    await stopped(opened, run);
    await ask(longAgo);
    await opened.takeRequests();
    return undefined;
  },
};
