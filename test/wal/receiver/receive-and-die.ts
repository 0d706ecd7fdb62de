import { targetNameSchema } from '../../../lib/core/ids.ts';
import { openKeyProviderOf } from '../../../lib/keys/open-key-provider.ts';
import { openDirectoryStore } from '../../../lib/store/directory-store.ts';
import { receiveWal } from '../../../lib/wal/receiver/receive-wal.ts';

/** A receiver as a process of its own, to be killed: `<store> <key file> <connection as JSON> <slot>`. */
const [vault = '', keyFile = '', connection = '', slot = ''] = process.argv.slice(2);
const say = (line: string): void => console.error(line);
await receiveWal(
  {
    store: await openDirectoryStore(vault),
    config: {
      encryption: { keys: 'key-file', keyFile, algorithm: 'aes-256-gcm' },
      compression: { algorithm: 'zstd', level: 1 },
    },
    openKeys: openKeyProviderOf,
    clock: () => new Date(),
    signal: new AbortController().signal,
  },
  {
    target: targetNameSchema.parse('orders'),
    connection: async () => JSON.parse(connection) as unknown,
    settings: { slot, flushSeconds: 0.2 },
    log: { info: say, warn: say, error: say },
  },
);
