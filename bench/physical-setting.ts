import { join } from 'node:path';
import { loadConfig } from '../lib/config/load.ts';
import { Bundle } from '../lib/constructs/bundle.ts';
import type { PostgresServer } from '../test/servers/postgres.ts';
import { minioServer } from '../test/servers/s3.ts';
import { type BenchPlace, type BenchStore, benchFolder, minioPlaces } from './backup-stores.ts';
import { benchCluster } from './bench-cluster.ts';
import type { HoldfastBackup } from './holdfast-backup.ts';
import { type PgBackRest, pgBackRest } from './pgbackrest.ts';

/** What the benches of physical backups share: a cluster of 3 GB at scale 1, an S3 server for ours and one with TLS for pgBackRest, which wants that. */
export type PhysicalSetting = AsyncDisposable & {
  readonly folder: string;
  readonly server: PostgresServer;
  readonly store: BenchStore;
  readonly peer: PgBackRest;
  /** A backup by the task's own program into that place. */
  ours(place: BenchPlace, options: { readonly isReadBack: boolean }): HoldfastBackup;
};

export async function physicalSetting(): Promise<PhysicalSetting> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await benchFolder());
  const server = stack.use(await benchCluster());
  const store = stack.use(await minioPlaces());
  const tls = stack.use(await minioServer({ tls: true }));
  const peer = await pgBackRest(server, tls, folder.path);
  const bundle = new Bundle(loadConfig(join(import.meta.dirname, '../holdfast.example.yaml'), {}));
  const program = join(bundle.taskDirectory('holdfast'), 'main.mjs');
  const made = stack.move();
  return {
    folder: folder.path,
    server,
    store,
    peer,
    ours: ({ settings }, { isReadBack }) => ({
      ...{ folder: folder.path, server, program, isReadBack },
      store: JSON.stringify(settings),
      env: store.env,
    }),
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  };
}
