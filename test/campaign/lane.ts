import { randomBytes } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';
import { Client } from 'pg';
import { main } from '../../lambdas/catalog/main.ts';
import { type CatalogClient, catalogClient } from '../../lib/catalog/client.ts';
import { type CatalogSettings, connectCatalog } from '../../lib/catalog/connect.ts';
import { migrateCatalog } from '../../lib/catalog/migrate.ts';
import { allRows, emptyCatalog } from '../catalog/catalog-database.ts';
import { lambdaEndpoint } from '../catalog/lambda-endpoint.ts';
import { type FaultProxy, faultProxy } from '../faults/fault-proxy.ts';
import { type TcpProxy, tcpProxy } from '../faults/tcp-proxy.ts';
import { claimedPort } from '../servers/claimed-port.ts';
import type { Shared } from './shared.ts';

export type CatalogState = 'up' | 'down' | 'silent';

/** What a worker keeps from run to run: networks that can be made to fail, and a catalog that is emptied in between. */
export type Lane = AsyncDisposable & {
  readonly source: TcpProxy;
  readonly s3: FaultProxy;
  /** Straight to the store, past the proxy. */
  readonly s3Client: S3Client;
  /** The catalog as everything sees it, through its Lambda. */
  readonly catalog: CatalogClient;
  /** `down`: nothing listens. `silent`: connections are taken and never answered. */
  setCatalog(state: CatalogState): void;
  /** Every row of every table, past the Lambda. */
  catalogRows(): Promise<Record<string, readonly string[]>>;
  emptyCatalog(): Promise<void>;
};

export async function openLane(shared: Shared): Promise<Lane> {
  await using stack = new AsyncDisposableStack();
  const { user, password } = shared.postgres;
  const port = shared.catalogPort;
  const database = `campaign_${process.pid}_${randomBytes(3).toString('hex')}`;
  const settings: CatalogSettings = {
    host: '127.0.0.1',
    port,
    database,
    user,
    auth: { kind: 'password', password },
    tls: 'disable',
    tries: 1,
  };
  const maintenance = new Client({ host: '127.0.0.1', port, user, password, database: 'postgres' });
  await maintenance.connect();
  await maintenance.query(`create database ${database} template template0 encoding 'UTF8'`);
  await maintenance.end();
  const owner = stack.use(await connectCatalog({ ...settings, role: 'owner' })).client;
  await migrateCatalog(owner);

  const silent = stack.use(await tcpProxy(port));
  silent.stall();
  const { port: nobody, release } = await claimedPort();
  stack.defer(release);
  let state: CatalogState = 'up';
  const portIn: Readonly<Record<CatalogState, number>> = { up: port, down: nobody, silent: silent.port };
  const { lambda } = stack.use(
    await lambdaEndpoint((event) =>
      main(event, {
        // Nobody waits long for a server that is known to be silent.
        settings: async () => ({
          ...settings,
          port: portIn[state],
          connectTimeoutSeconds: state === 'silent' ? 1 : 30,
        }),
        log: { info: () => {} },
      }),
    ),
  );
  const source = stack.use(await tcpProxy(shared.postgres.port));
  const s3 = stack.use(await faultProxy(shared.s3.endpoint));
  const { endpoint, region, accessKeyId, secretAccessKey } = shared.s3;
  const s3Client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  stack.defer(() => s3Client.destroy());
  const kept = stack.move();
  return {
    source,
    s3,
    s3Client,
    catalog: catalogClient({ functionName: 'catalog', lambda }),
    setCatalog: (next) => {
      state = next;
    },
    catalogRows: () => allRows(owner),
    emptyCatalog: () => emptyCatalog(owner),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
