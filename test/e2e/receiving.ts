import { setTimeout as delay } from 'node:timers/promises';
import { walStateSchema } from '../../lib/core/health.ts';
import { targetNameSchema } from '../../lib/core/ids.ts';
import { walHealthKey } from '../../lib/core/object-keys.ts';
import { openKeyProviderOf } from '../../lib/keys/open-key-provider.ts';
import { readDocument } from '../../lib/store/document.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { receiveWal } from '../../lib/wal/receiver/receive-wal.ts';
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
    async covers(moment) {
      for (const deadline = Date.now() + 60_000; Date.now() < deadline; await delay(50)) {
        const { value } = await readDocument(store, walHealthKey(target), walStateSchema);
        if (value?.restorablePoint && Date.parse(value.restorablePoint) > Date.parse(moment) + 1000) return;
      }
      throw new Error('the receiver does not come that far');
    },
    async stop() {
      stop.abort();
      await running;
      await store.close();
    },
  };
}
