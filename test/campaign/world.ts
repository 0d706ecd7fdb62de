import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { HoldfastConfig } from '../../lib/config/config.ts';
import { parseConfig } from '../../lib/config/load.ts';
import { type TargetName, targetNameSchema } from '../../lib/core/ids.ts';
import { ensureKeyFile, readKeyFile } from '../../lib/keys/key-file.ts';
import { openStore } from '../../lib/store/open-store.ts';
import type { Store } from '../../lib/store/store.ts';
import type { Lane } from './lane.ts';
import type { Shared } from './shared.ts';
import type { SourceName } from './sources.ts';
import { type Contents, type RawStore, rawBucket, rawDirectory } from './store-contents.ts';
import { beginTask, type Task } from './task.ts';

export const targetName: TargetName = targetNameSchema.parse('orders');

export type Setting = {
  readonly store: 'file' | 's3';
  readonly source: SourceName;
  readonly algorithm: 'aes-256-gcm' | 'aes-256-cbc';
};

/** An installation of one run: a store of its own with last night's backup in it, a configuration, and a key. */
export type World = AsyncDisposable & {
  readonly setting: Setting;
  /** What the state machine's steps work with: the store is reached directly, or through the proxy as the task reaches it. */
  readonly direct: StoreSide;
  readonly proxied: StoreSide;
  readonly raw: RawStore;
  /** The key of the key file. */
  readonly keyFile: Buffer;
  readonly keyFileName: string;
  /** Starts the task program on a run. Its way to the source and the store leads through the lane's proxies. */
  beginTask(run: object, options?: TaskOptions): Promise<Task>;
};

export type StoreSide = { readonly config: HoldfastConfig; readonly store: Store };

export type TaskOptions = {
  /** A program and its first arguments, which starts the task: it gets the task's own command line behind them. */
  readonly launcher?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** @default 300 */
  readonly timeoutSeconds?: number;
};

/** Makes the installation in a folder of its own. `yesterday` is what the store holds from the night before. */
export async function openWorld(options: {
  readonly shared: Shared;
  readonly lane: Lane;
  readonly setting: Setting;
  readonly yesterday?: { readonly contents: Contents; readonly keyFile: string };
}): Promise<World> {
  const { shared, lane, setting, yesterday } = options;
  const { postgres, s3 } = shared;
  const folder = await mkdtemp(join(shared.folder, 'run-'));
  await mkdir(join(folder, 'vault'));
  await mkdir(join(folder, 'tmp'));
  await writeFile(join(folder, 'password'), postgres.password, { mode: 0o600 });

  const configured = (place: { readonly endpoint: string; readonly port: number }): HoldfastConfig =>
    parseConfig(
      JSON.stringify({
        store:
          setting.store === 'file'
            ? { kind: 'file', path: './vault' }
            : {
                kind: 's3',
                bucket: s3.bucket,
                region: s3.region,
                endpoint: place.endpoint,
                prefix: `${basename(folder)}/`,
                forcePathStyle: true,
              },
        encryption: { keys: 'key-file', algorithm: setting.algorithm },
        // One after the other, so that the order of requests follows from the seed.
        run: { objectBytes: 2 * 1024 * 1024, parallelJobs: 1, timeoutSeconds: 300 },
        targets: [
          {
            name: targetName,
            engine: 'postgres',
            connection: {
              host: '127.0.0.1',
              port: place.port,
              user: postgres.user,
              password: { file: './password' },
              sslmode: 'disable',
              databases: [setting.source],
            },
          },
        ],
      }),
      { file: 'holdfast.yaml', directory: folder, environment: {} },
    );
  const config = configured({ endpoint: s3.endpoint, port: postgres.port });
  const taskConfig = configured({ endpoint: lane.s3.endpoint, port: lane.source.port });
  const { keyFile } = config.encryption;
  if (yesterday) await writeFile(keyFile, yesterday.keyFile, { mode: 0o600 });
  await ensureKeyFile(keyFile);
  const [{ key }] = await readKeyFile(keyFile);

  const raw =
    setting.store === 'file'
      ? rawDirectory(join(folder, 'vault'))
      : rawBucket(lane.s3Client, s3.bucket, `${basename(folder)}/`);
  for (const [name, bytes] of yesterday?.contents ?? []) await raw.write(name, bytes);
  // As lambdas/frame.ts opens it.
  const forSmallObjects = { idleTimeoutSeconds: 5, maxAttempts: 6 };
  const store = await openStore(config.store, forSmallObjects);
  const proxiedStore = await openStore(taskConfig.store, forSmallObjects);

  let tasks = 0;
  return {
    setting,
    direct: { config, store },
    proxied: { config: taskConfig, store: proxiedStore },
    raw,
    keyFile: key,
    keyFileName: keyFile,
    async beginTask(run, { launcher = [], environment = {}, timeoutSeconds = 300 } = {}) {
      const configFile = join(folder, `task-${tasks++}.json`);
      const baked = { ...taskConfig, run: { ...taskConfig.run, timeoutSeconds } };
      await writeFile(configFile, JSON.stringify(baked));
      return beginTask([...launcher, process.execPath, shared.program, 'backup'], {
        PATH: process.env['PATH'] ?? '',
        TMPDIR: join(folder, 'tmp'),
        HOLDFAST_CONFIG: configFile,
        HOLDFAST_RUN: JSON.stringify(run),
        HOLDFAST_PG_BIN: postgres.binDir,
        AWS_ACCESS_KEY_ID: s3.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
        // Compiling the program takes longer than a small backup; what a run does is the same.
        NODE_COMPILE_CACHE: join(shared.folder, 'compiled'),
        ...environment,
      });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([store.close(), proxiedStore.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
