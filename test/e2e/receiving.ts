import { targetNameSchema } from '../../lib/core/ids.ts';
import { openKeyProviderOf } from '../../lib/keys/open-key-provider.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { receiveWal } from '../../lib/wal/receiver/receive-wal.ts';
import { untilCovered } from '../wal/receiver/receiving.ts';
import { backupUser, type SourceServer } from './source-server.ts';
import type { StackFolder } from './stack-fixture.ts';

const target = targetNameSchema.parse('orders');

/** Receives the server's WAL into the stack's store, in this process. */
export async function receiving(
  { config }: StackFolder,
  server: SourceServer,
): Promise<{ covers(moment: string): Promise<void>; stop(): Promise<void> }> {
  const store = await openStore(config.store);
  const stop = new AbortController();
  const say = (): void => {};
  const running = receiveWal(
    { store, config, openKeys: openKeyProviderOf, clock: () => new Date(), signal: stop.signal },
    {
      target,
      connection: async () => ({
        host: '127.0.0.1',
        port: server.port,
        user: backupUser,
        password: server.backupPassword,
        sslmode: 'disable',
      }),
      settings: { slot: 'holdfast_orders', flushSeconds: 0.3 },
      log: { info: say, warn: say, error: say },
    },
  );
  running.catch(() => {});
  return {
    covers: (moment) => untilCovered(store, target, Date.parse(moment) + 1000),
    async stop() {
      stop.abort();
      await running;
      await store.close();
    },
  };
}
