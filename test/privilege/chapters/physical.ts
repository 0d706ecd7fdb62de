import assert from 'node:assert/strict';
import { targetNameSchema } from '../../../lib/core/ids.ts';
import { openS3Store } from '../../../lib/store/s3-store.ts';
import { untilCovered } from '../../wal/receiver/receiving.ts';
import type { Installation } from '../installation.ts';
import { findProcess } from '../process-watch.ts';
import type { Chapter } from './chapter.ts';

const target = 'cluster';

export const physical: Chapter = {
  name: 'a whole server is backed up, with what changed since, a base that is made of both, and its log; and brought back to a moment',
  live: async (installation) => {
    const { opened, source } = installation;
    const taken = async (wanted: Readonly<Record<string, string>>): Promise<void> => {
      await opened.succeeded(opened.stack.startExecution('holdfast-backup', { target, ...wanted }));
    };
    await taken({ method: 'base' });
    await source.run('orders', "insert into orders values (900, 'since the base', now())");
    await taken({ method: 'incremental' });
    // Now the log goes on from a base, and the watch has seen it: what is recorded next says how far.
    await received(installation, new Date());
    await opened.invoke('WatchFunction');
    await taken({ from: 'latest' });
    await opened.invoke('WatchFunction');

    // The next receiver finds in the store where the last one was.
    const receiver = findProcess(/main\.mjs wal receive cluster/) ?? assert.fail('nobody receives');
    process.kill(receiver, 'SIGKILL');
    const moment = new Date();
    await received(installation, moment);
    await opened.succeeded(
      opened.stack.startExecution('holdfast-recovery', {
        ...{ backup: 'latest', target, into: 'archive', databases: ['orders'], as: 'orders_then' },
        point: { kind: 'time', value: moment.toISOString() },
      }),
    );
    assert.equal(await source.ask('orders_then', 'select count(*) from orders where id = 900'), '1');
    await opened.succeeded(opened.restoreTest({ target }));
    return undefined;
  },
};

/** Resolves when everything that was committed before the moment is in the store. */
async function received({ bucket, s3 }: Installation, moment: Date): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const store = openS3Store({
    ...{ bucket, endpoint, region, forcePathStyle: true },
    credentials: { accessKeyId, secretAccessKey },
  });
  try {
    await untilCovered(store, targetNameSchema.parse(target), moment.getTime());
  } finally {
    await store.close();
  }
}
