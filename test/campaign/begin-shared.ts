import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../lib/config/load.ts';
import { Bundle } from '../../lib/constructs/bundle.ts';
import { faketimeLibrary } from '../servers/faketime.ts';
import { postgresServer } from '../servers/postgres.ts';
import { minioServer } from '../servers/s3.ts';
import type { Shared } from './shared.ts';
import { fillSources } from './sources.ts';

/** Starts the servers, fills the sources and bundles the task program. `file` holds what is shared, for other processes. */
export async function beginShared(): Promise<AsyncDisposable & { readonly shared: Shared; readonly file: string }> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-campaign-'));
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const faketime = await faketimeLibrary();
  const server = stack.use(await postgresServer({ major: 17, settings: { max_connections: '200' } }));
  const catalogServer = stack.use(await postgresServer({ major: 17, settings: { max_connections: '200' } }));
  const minio = stack.use(await minioServer());
  const bundle = new Bundle(loadConfig(join(import.meta.dirname, '../../holdfast.example.yaml'), {}));
  const { port, user, password, binDir } = server;
  const { endpoint, region, accessKeyId, secretAccessKey } = minio;
  await mkdir(join(folder, 'compiled'));
  const shared: Shared = {
    program: join(bundle.taskDirectory('holdfast'), 'main.mjs'),
    folder,
    postgres: { port, user, password, binDir },
    catalogPort: catalogServer.port,
    s3: { endpoint, region, accessKeyId, secretAccessKey, bucket: await minio.newBucket() },
    faketime,
    ...(await fillSources(server)),
  };
  const file = join(folder, 'shared.json');
  await writeFile(file, JSON.stringify(shared));
  const kept = stack.move();
  return { shared, file, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
