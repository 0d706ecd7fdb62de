import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore, type StoreSettings } from '../lib/store/open-store.ts';
import { ensurePythonPackages } from '../scripts/servers/python-packages.ts';
import { minioServer } from '../test/servers/s3.ts';

/** A kind of store to back up to, and how people upload a stream to it. */
export type BenchStore = AsyncDisposable & {
  readonly name: string;
  readonly uploadName: string;
  /** Credentials. */
  readonly env: Readonly<Record<string, string>>;
  /** A new place, empty; removed with all that it holds by disposing it. */
  open(): Promise<BenchPlace>;
};

export type BenchPlace = AsyncDisposable & {
  /** As the configuration's `store` section. */
  readonly settings: StoreSettings;
  /** A command that uploads its standard input as one object, and has it on the disk when it ends. */
  readonly upload: string;
};

/** Folders below `folder`, as stores of their own. */
export function directoryPlaces(folder: string): BenchStore {
  return {
    name: 'directory store',
    uploadName: 'cat > file; sync file',
    env: {},
    async open() {
      const path = await mkdtemp(join(folder, 'vault-'));
      const file = join(path, 'bench.dump.zst');
      return {
        settings: { kind: 'file', path },
        upload: `{ cat > "${file}" && sync "${file}"; }`,
        [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Buckets of a MinIO server; the uploader is the AWS CLI. */
export async function minioPlaces(): Promise<BenchStore> {
  const python = await ensurePythonPackages(['awscli==1.45.11'], (line) => console.error(line));
  const server = await minioServer();
  const { accessKeyId, secretAccessKey, region, endpoint } = server;
  const env = {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  // The backup's admission opens the store in this process.
  Object.assign(process.env, env);
  return {
    name: 'MinIO',
    uploadName: 'aws s3 cp -',
    env,
    async open() {
      const bucket = await server.newBucket();
      const settings: StoreSettings = { kind: 's3', bucket, region, endpoint, forcePathStyle: true };
      return {
        settings,
        upload: `${python}/bin/aws s3 cp - "s3://${bucket}/bench.dump.zst" --endpoint-url "${endpoint}" --only-show-errors`,
        [Symbol.asyncDispose]: () => empty(settings),
      };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function empty(settings: StoreSettings): Promise<void> {
  const store = await openStore(settings);
  try {
    for await (const { key } of store.list('')) await store.delete(key);
  } finally {
    await store.close();
  }
}

/** A private folder for a bench, removed by disposing it. On the disk of HOLDFAST_BENCH_DIR, by default that of `.cache/`. */
export async function benchFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const parent = process.env['HOLDFAST_BENCH_DIR'] ?? join(import.meta.dirname, '../.cache');
  await mkdir(parent, { recursive: true });
  const path = await mkdtemp(join(parent, 'bench-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
