import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HoldfastConfig } from '../lib/config/config.ts';
import { loadConfig } from '../lib/config/load.ts';
import { newOperationId, targetNameSchema } from '../lib/core/ids.ts';
import { type BackupRequest, type BackupRun, type RestoreRun, restoreRunSchema } from '../lib/core/requests.ts';
import { ensureKeyFile } from '../lib/keys/key-file.ts';
import { admitBackup } from '../lib/lifecycle/admit-backup.ts';
import { createRecorder } from '../lib/lifecycle/recorder.ts';
import { releaseLeases } from '../lib/lifecycle/release-leases.ts';
import { openStore, type StoreSettings } from '../lib/store/open-store.ts';
import type { PostgresServer } from '../test/servers/postgres.ts';
import { benchDatabase } from './bench-database.ts';
import type { Sample } from './bench-row.ts';
import { measureScript } from './measure-command.ts';

export const targetName = 'bench';

/** A backup by the task's own program, encrypted and compressed at its defaults. */
export type HoldfastBackup = {
  /** The bundled `main.mjs` of the task image. */
  readonly program: string;
  /** A folder for the configuration. */
  readonly folder: string;
  readonly server: PostgresServer;
  /** The `store` section of the configuration; an empty store. */
  readonly store: string;
  /** Credentials of the store, which this process must have in its environment as well. */
  readonly env: Readonly<Record<string, string>>;
  readonly isReadBack: boolean;
  readonly rateLimitBytesPerSecond?: number;
  /** Of restores. @default full */
  readonly comparison?: 'full' | 'loaded';
};

/** Admits a backup and measures the task that takes it: from the start of its process to its end. */
export async function measureBackup(
  options: HoldfastBackup,
  wanted: Pick<BackupRequest, 'method' | 'format'> = {},
): Promise<Sample & { readonly run: BackupRun }> {
  const config = await configure(options);
  const run = await admit(config, wanted, randomBytes(4).toString('hex'));
  const sample = await measureTask(options, 'backup', run);
  const store = await openStore(config.store);
  await releaseLeases({ store, clock: () => new Date() }, run).finally(() => store.close());
  return { ...sample, run };
}

/** Measures a task that restores that backup of the same store, under another name. */
export function measureRestore(options: HoldfastBackup, backup: BackupRun, as: string): Promise<Sample> {
  return measureTask(options, 'restore', restoreRun(backup, { as, databases: [benchDatabase] }));
}

/** Measures a task that puts a whole cluster into a folder, without starting it, until it is on the disk. */
export function measureClusterRestore(options: HoldfastBackup, backup: BackupRun, as: string): Promise<Sample> {
  return measureTask(options, 'restore', restoreRun(backup, { as, start: false }), `sync -f "${as}"`);
}

function restoreRun({ backupId, target, requestedAt }: BackupRun, asked: Partial<RestoreRun>): RestoreRun {
  return restoreRunSchema.parse({
    ...{ backupId, target, into: target, requestedAt },
    recoveryId: newOperationId(new Date()),
    databases: null,
    jobs: 2,
    replace: false,
    requestedBy: { kind: 'user' },
    execution: 'bench',
    ...asked,
  });
}

async function measureTask(
  options: HoldfastBackup,
  command: 'backup' | 'restore',
  run: BackupRun | RestoreRun,
  afterwards?: string,
): Promise<Sample> {
  const { server } = options;
  return measureProgram({
    ...options,
    command,
    run,
    ...(afterwards !== undefined && { afterwards }),
    config: await configure(options),
    env: { ...options.env, HOLDFAST_PG_BIN: server.binDir },
    serverData: server.dataDir,
  });
}

/** Measures one task, of whatever engine, from the start of its process to its end. */
export async function measureProgram(options: {
  readonly folder: string;
  readonly program: string;
  readonly command: 'backup' | 'restore';
  readonly run: BackupRun | RestoreRun;
  readonly config: HoldfastConfig;
  readonly env: Readonly<Record<string, string>>;
  readonly serverData?: string;
  /** A command that is a part of the work. @default - the task is all of it */
  readonly afterwards?: string;
}): Promise<Sample> {
  const { folder, program, command, run, config, env, serverData, afterwards = 'true' } = options;
  const id = randomBytes(4).toString('hex');
  const configFile = join(folder, `${id}.json`);
  const usageFile = join(folder, `${id}.usage.json`);
  await writeFile(configFile, JSON.stringify(config));

  const flags = process.env['HOLDFAST_BENCH_NODE_FLAGS'] ?? '';
  const sample = await measureScript({
    script: `"${process.execPath}" --import "${import.meta.dirname}/report-usage.mjs" ${flags} "${program}" ${command} && ${afterwards}`,
    env: {
      ...env,
      HOLDFAST_CONFIG: configFile,
      HOLDFAST_RUN: JSON.stringify(run),
      HOLDFAST_BENCH_USAGE: usageFile,
    },
    ...(serverData !== undefined && { serverData }),
  });
  return { ...sample, ...(JSON.parse(await readFile(usageFile, 'utf8')) as Pick<Sample, 'rssMiB'>) };
}

async function configure({
  folder,
  server,
  store,
  isReadBack,
  rateLimitBytesPerSecond,
  comparison = 'full',
}: HoldfastBackup): Promise<HoldfastConfig> {
  const file = join(folder, 'holdfast.yaml');
  await writeFile(join(folder, 'password'), server.password, { mode: 0o600 });
  await writeFile(
    file,
    `store: ${store}
encryption: { keys: key-file }
run: { validation: ${isReadBack}${rateLimitBytesPerSecond === undefined ? '' : `, rateLimitBytesPerSecond: ${rateLimitBytesPerSecond}`} }
recovery: { comparison: ${comparison} }
targets:
  - name: ${targetName}
    engine: postgres
    connection:
      { host: ${server.host}, port: ${server.port}, user: ${server.user}, password: { file: ${folder}/password }, sslmode: disable, databases: [${benchDatabase}] }
`,
  );
  const config = loadConfig(file, {});
  await ensureKeyFile(config.encryption.keyFile);
  return config;
}

/** A configuration of a target whose WAL is received, flushed every second. */
export async function walConfig({
  server,
  folder,
  store,
}: {
  readonly server: PostgresServer;
  readonly folder: string;
  readonly store: StoreSettings;
}): Promise<HoldfastConfig> {
  await writeFile(join(folder, 'password'), server.password, { mode: 0o600 });
  const file = join(folder, 'wal.yaml');
  await writeFile(
    file,
    `store: ${JSON.stringify(store)}
encryption: { keys: key-file }
targets:
  - name: ${targetName}
    engine: postgres
    wal: { receive: true, flushSeconds: 1 }
    connection:
      { host: ${server.host}, port: ${server.port}, user: ${server.user}, password: { file: ${folder}/password }, sslmode: disable }
`,
  );
  const config = loadConfig(file, {});
  await ensureKeyFile(config.encryption.keyFile);
  return config;
}

/** What the state machine does before it starts the task. */
export async function admit(
  config: HoldfastConfig,
  wanted: Pick<BackupRequest, 'method' | 'format'> = {},
  execution = 'bench',
): Promise<BackupRun> {
  const store = await openStore(config.store);
  try {
    const recorder = createRecorder({ store, catalog: undefined, warn: () => {} });
    const request = { target: targetNameSchema.parse(targetName), ...wanted };
    const admission = await admitBackup(
      { config, store, recorder, clock: () => new Date() },
      { request, execution, startedAt: '2026-11-21T02:00:00.000Z', redriveCount: 0 },
    );
    if (admission.verdict !== 'admitted') throw new Error(`not admitted: ${JSON.stringify(admission)}`);
    return admission.run;
  } finally {
    await store.close();
  }
}
