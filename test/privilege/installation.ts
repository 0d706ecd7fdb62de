import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { loadConfig } from '../../lib/config/load.ts';
import { readAssembly } from '../../lib/local/assembly.ts';
import { synthesize } from '../../lib/local/synthesize.ts';
import { backupUser, type SourceServer, sourceServer } from '../e2e/source-server.ts';
import { type OpenStack, openStack } from '../e2e/stack-fixture.ts';
import { type ManualClock, manualClock } from '../local/schedules/manual-clock.ts';
import { minioServer, type S3Server } from '../servers/s3.ts';
import { secretText } from './canaries.ts';
import { type Policies, readPolicies } from './policies.ts';
import { type WatchedTools, watchedTools } from './watched-tools.ts';

const region = 'eu-central-1';

/** Secrets of the installation that users would have chosen. */
export type Planted = Readonly<
  Record<'ordersPassword' | 'stockPassword' | 'booksPassword' | 'setting' | 'comment' | 'row', string>
>;

/**
 * All of Holdfast as on AWS, as far as one machine can: the bucket, key and policies that the app makes (the bucket in MinIO, behind the
 * stack's gateway), passwords by secret, file and variable, schedules on a clock that the test moves, alerts to a web hook.
 */
export type Installation = AsyncDisposable & {
  readonly opened: OpenStack;
  readonly root: string;
  readonly configFile: string;
  readonly bucket: string;
  readonly s3: S3Server;
  readonly source: SourceServer;
  readonly clock: ManualClock;
  readonly tools: WatchedTools;
  readonly policies: Policies;
  readonly planted: Planted;
  /** Bodies that the web hook got. */
  readonly alerts: readonly string[];
  /** What the command line needs of the environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Puts another password where `stock`'s is. */
  writeStockPassword(password: string): void;
};

/** Makes and opens one. Its clock stands at a minute to two in the morning, when the daily backup of `orders` is due. */
export async function openInstallation(): Promise<Installation> {
  const cleanups = new AsyncDisposableStack();
  try {
    return await open(cleanups);
  } catch (error) {
    await cleanups.disposeAsync();
    throw error;
  }
}

async function open(cleanups: AsyncDisposableStack): Promise<Installation> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-privilege-'));
  cleanups.defer(() => rmSync(root, { recursive: true, force: true, maxRetries: 3 }));
  const source = cleanups.use(
    await sourceServer({
      orders: { noiseKilobytes: 2500 },
      stock: { noiseKilobytes: 10 },
      books: { noiseKilobytes: 10 },
    }),
  );
  const s3 = cleanups.use(await minioServer());
  const hook = await alertHook();
  cleanups.defer(hook.close);
  const planted = await plant(source);

  const configFile = join(root, 'holdfast.yaml');
  const stateDirectory = join(root, '.holdfast');
  const secretFile = join(stateDirectory, 'secrets', 'prod', 'orders');
  const stockPassword = join(root, 'stock-password');
  writeFileSync(configFile, configText({ source, s3, webhook: hook.url }));
  mkdirSync(dirname(secretFile), { recursive: true, mode: 0o700 });
  writeFileSync(secretFile, JSON.stringify({ password: planted.ordersPassword }), { mode: 0o600 });
  writeFileSync(stockPassword, planted.stockPassword, { mode: 0o600 });
  process.env['BOOKS_PASSWORD'] = planted.booksPassword;
  process.env['AWS_ACCESS_KEY_ID'] = s3.accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = s3.secretAccessKey;

  const assembly = await synthesize({ configPath: configFile, outDir: join(root, 'cdk.out') });
  const policies = readPolicies(readAssembly(assembly), region);
  const bucket = policies.model.buckets[0]?.name ?? '';
  await makeBucket(s3, bucket);
  const temporary = join(root, 'tmp');
  mkdirSync(temporary);
  // The server of a restore test runs below it, under another account.
  chmodSync(root, 0o711);
  chmodSync(temporary, 0o1777);
  const tools = watchedTools(root, source.binDir);
  const clock = manualClock('2026-11-21T01:59:00Z');
  const environment = { HOLDFAST_PG_BIN: tools.folder, AWS_S3_BUCKET: bucket };
  const folder = {
    root,
    configFile,
    config: loadConfig(configFile, {}),
    assembly,
    stateDirectory,
    store: '',
    environment: { HOLDFAST_PG_BIN: tools.folder, TMPDIR: temporary },
    [Symbol.dispose]: () => undefined,
  };
  const opened = cleanups.use(await openStack(folder, { clock }));
  return {
    opened,
    root,
    configFile,
    bucket,
    s3,
    source,
    clock,
    tools,
    policies,
    planted,
    alerts: hook.bodies,
    environment,
    writeStockPassword: (password) => writeFileSync(stockPassword, password, { mode: 0o600 }),
    [Symbol.asyncDispose]: () => cleanups.disposeAsync(),
  };
}

function configText(servers: {
  readonly source: SourceServer;
  readonly s3: S3Server;
  readonly webhook: string;
}): string {
  const { source, s3, webhook } = servers;
  const target = (name: string, password: object, enabled: boolean): object => ({
    name,
    engine: 'postgres',
    connection: {
      host: '127.0.0.1',
      port: source.port,
      user: `${backupUser}_${name}`,
      password,
      sslmode: 'disable',
      databases: [name],
    },
    backups: [{ tier: 'daily', schedule: '0 2 * * *', timezone: 'UTC', enabled }],
  });
  return JSON.stringify({
    store: { kind: 's3', endpoint: s3.endpoint, region: s3.region, forcePathStyle: true },
    encryption: { keys: 'kms' },
    run: { objectBytes: 4 * 1024 * 1024, parallelJobs: 1 },
    alerts: { webhook, emails: ['ops@example.com'], canary: '13 2 * * *' },
    restoreTests: { schedule: '10 2 * * *' },
    cleanup: { schedule: '12 2 * * *' },
    targets: [
      target('orders', { secret: 'prod/orders' }, true),
      target('stock', { file: './stock-password' }, false),
      // Nothing comes into it that a second person has not approved.
      { ...target('books', { env: 'BOOKS_PASSWORD' }, false), recoveryApproval: true },
      // Never backed up: something is restored into it.
      { ...target('stock', { file: './stock-password' }, false), name: 'archive' },
    ],
  });
}

/** A role of its own for each target, and secrets where users put them: settings, comments, rows. */
async function plant(source: SourceServer): Promise<Planted> {
  const planted: Planted = {
    ordersPassword: secretText('orders-password'),
    stockPassword: secretText('stock-password'),
    booksPassword: secretText('books-password'),
    setting: secretText('setting'),
    comment: secretText('comment'),
    row: secretText('row'),
  };
  const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  for (const name of ['orders', 'stock', 'books'] as const)
    await source.run(
      'postgres',
      `create role ${backupUser}_${name} login superuser password ${quote(planted[`${name}Password`])}`,
    );
  await source.run(
    'orders',
    `alter database orders set app.token = ${quote(planted.setting)}`,
    `comment on database orders is ${quote(planted.comment)}`,
    `insert into orders values (0, ${quote(planted.row)}, now())`,
  );
  return planted;
}

async function makeBucket(s3: S3Server, bucket: string): Promise<void> {
  const { endpoint, region: at, accessKeyId, secretAccessKey } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region: at, forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
  client.destroy();
}

async function alertHook(): Promise<{
  readonly url: string;
  readonly bodies: string[];
  readonly close: () => Promise<void>;
}> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => bodies.push(text));
    request.on('end', () => response.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    bodies,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
