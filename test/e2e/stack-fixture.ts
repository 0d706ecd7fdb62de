import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { CatalogClient } from '../../lib/catalog/client.ts';
import type { Execution } from '../../lib/catalog/queries/execution-columns.ts';
import { clientSettings, functionIn, localCatalog } from '../../lib/cli/local.ts';
import type { HoldfastConfig } from '../../lib/config/config.ts';
import { loadConfig } from '../../lib/config/load.ts';
import type { BackupId, TargetName } from '../../lib/core/ids.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import type { BackupRun } from '../../lib/core/requests.ts';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { readAssembly } from '../../lib/local/assembly.ts';
import type { ExecutionRecord } from '../../lib/local/executions/history.ts';
import type { LocalStack, LocalStackOptions } from '../../lib/local/local-stack.ts';
import { findRunningStack } from '../../lib/local/running-stack.ts';
import { systemClock } from '../../lib/local/schedules/scheduler.ts';
import { openLocalStack } from '../../lib/local/stack.ts';
import { synthesize } from '../../lib/local/synthesize.ts';
import { denials, requestsOf } from '../privilege/audit.ts';
import { readPolicies } from '../privilege/policies.ts';
import { compiledFolder, copyAssembly } from './copy-assembly.ts';
import { backupUser, type SourceServer } from './source-server.ts';

/** The targets of every configuration here, each with the database of its name; so all tests share one assembly. */
export const targetNames = ['orders', 'stock', 'books', 'files', 'mail'] as const;
export type FixtureTarget = (typeof targetNames)[number];

/** An existing server that holds the catalog, in place of the stack's own. */
export type CatalogServer = {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
};

export type FolderOptions = {
  readonly server: Pick<SourceServer, 'port' | 'backupPassword' | 'binDir'>;
  /** Settings of a run; they do not change the assembly. @default - one stream at a time, objects of 2 MiB */
  readonly run?: Readonly<Record<string, number>>;
  /** Other settings of single targets' connections. @default - none */
  readonly connections?: Readonly<Partial<Record<FixtureTarget, object>>>;
  /** How backups of single targets are tested. @default - as for everybody */
  readonly restoreTests?: Readonly<Partial<Record<FixtureTarget, object>>>;
  /** What single targets are backed up by. @default - the engine's defaults */
  readonly backups?: Readonly<Partial<Record<FixtureTarget, readonly object[]>>>;
  /** Whose WAL the stack receives. @default - nobody's */
  readonly received?: readonly FixtureTarget[];
  /** Where the store is. @default - a folder beside the configuration */
  readonly storePath?: string;
  /** Another installation whose key this one has too. @default - a key of its own */
  readonly keyOf?: StackFolder;
  /** @default - the stack's own */
  readonly catalog?: CatalogServer;
  /** How long approvals are waited for, and into which targets nothing comes without one. @default - a day, and none */
  readonly approvals?: { readonly hours: number; readonly demandedBy: readonly FixtureTarget[] };
  /** Who is told of problems: a webhook, and one address. @default - nobody */
  readonly webhook?: string;
};

/** An installation on this machine: a configuration with its password and key, its assembly, its store and its state. */
export type StackFolder = Disposable & {
  readonly root: string;
  readonly configFile: string;
  readonly config: HoldfastConfig;
  readonly assembly: string;
  readonly stateDirectory: string;
  readonly store: string;
  /** What its programs need of the environment. */
  readonly environment: Readonly<Record<string, string>>;
};

/** Stands in the shared assembly wherever the port of a catalog's server will be. */
const catalogPortMark = 54_999;
const sharedFolder = resolve(import.meta.dirname, '../../.cache/e2e');

/** A new installation in a temporary folder, removed by disposing it. */
export async function stackFolder(options: FolderOptions): Promise<StackFolder> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'));
  const store = options.storePath ?? join(root, 'vault');
  const configFile = join(root, 'holdfast.yaml');
  writeFileSync(configFile, configText({ ...options, storePath: store, port: options.server.port }));
  writeFileSync(join(root, 'password'), options.server.backupPassword, { mode: 0o600 });
  writeFileSync(join(root, 'catalog-password'), options.catalog?.password ?? '', { mode: 0o600 });
  const config = loadConfig(configFile, {});
  if (options.keyOf) copyFileSync(options.keyOf.config.encryption.keyFile, config.encryption.keyFile);
  await ensureKeyFile(config.encryption.keyFile);
  const assembly = join(root, 'cdk.out');
  copyAssembly(await sharedAssembly(options), assembly);
  settle(assembly, config, options.catalog);
  return {
    root,
    configFile,
    config,
    assembly,
    stateDirectory: join(root, '.holdfast'),
    store,
    environment: { HOLDFAST_PG_BIN: options.server.binDir, NODE_COMPILE_CACHE: compiledFolder },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true, maxRetries: 3 }),
  };
}

function configText(options: Omit<FolderOptions, 'server'> & { readonly port: number }): string {
  const connection = (database: FixtureTarget): object => ({
    host: '127.0.0.1',
    port: options.port,
    user: backupUser,
    password: { file: './password' },
    sslmode: 'disable',
    databases: [database],
    ...options.connections?.[database],
  });
  const { catalog } = options;
  return `${JSON.stringify(
    {
      store: { kind: 'file', path: options.storePath },
      encryption: { keys: 'key-file' },
      run: { objectBytes: 2 * 1024 * 1024, parallelJobs: 1, ...options.run },
      ...(catalog && {
        catalog: {
          connection: {
            host: '127.0.0.1',
            port: catalog.port,
            database: catalog.database,
            user: catalog.user,
            password: { file: './catalog-password' },
            sslmode: 'disable',
          },
        },
      }),
      ...(options.approvals && { recovery: { approvalHours: options.approvals.hours } }),
      ...(options.webhook && { alerts: { webhook: options.webhook, emails: ['ops@example.com'] } }),
      targets: targetNames.map((name) => ({
        name,
        engine: 'postgres',
        connection: connection(name),
        restoreTest: options.restoreTests?.[name] ?? {},
        ...(options.backups?.[name] && { backups: options.backups[name] }),
        ...(options.received?.includes(name) && { wal: { receive: true, flushSeconds: 1 } }),
        ...(options.approvals?.demandedBy.includes(name) && { recoveryApproval: true }),
      })),
    },
    null,
    2,
  )}\n`;
}

/**
 * The app, synthesized once for all tests: with a port of nobody's and a store that does not exist. What is particular to an installation
 * is baked beside each program and put there by `settle`, in the form in which the app would have.
 */
async function sharedAssembly({
  catalog,
  webhook,
  backups,
  received,
  approvals,
}: Pick<FolderOptions, 'catalog' | 'webhook' | 'backups' | 'received' | 'approvals'>): Promise<string> {
  const text = configText({
    port: 54_998,
    storePath: './vault',
    ...(catalog && { catalog: { ...catalog, port: catalogPortMark } }),
    ...(webhook && { webhook: 'http://127.0.0.1:9/' }),
    ...(backups && { backups }),
    ...(received && { received }),
    ...(approvals && { approvals }),
  });
  const folder = join(sharedFolder, createHash('sha256').update(text).digest('hex').slice(0, 12));
  mkdirSync(folder, { recursive: true });
  const configPath = join(folder, 'holdfast.yaml');
  if (!existsSync(configPath)) writeFileSync(configPath, text);
  return synthesize({ configPath, outDir: join(folder, 'assemblies') });
}

function settle(assembly: string, config: HoldfastConfig, catalog: CatalogServer | undefined): void {
  for (const file of globSync('asset.*/holdfast.json', { cwd: assembly }))
    writeFileSync(join(assembly, file), JSON.stringify(config));
  if (catalog === undefined) return;
  for (const file of globSync('*.template.json', { cwd: assembly })) {
    const template = readFileSync(join(assembly, file), 'utf8');
    writeFileSync(join(assembly, file), template.replaceAll(String(catalogPortMark), String(catalog.port)));
  }
}

/** A stack on the folder, and what tests ask of it. */
export type OpenStack = AsyncDisposable & {
  readonly folder: StackFolder;
  readonly stack: LocalStack;
  readonly catalog: CatalogClient;
  /** Starts a backup by the input that a person would type; the given fields beside the target. */
  backup(target: FixtureTarget, more?: Readonly<Record<string, string>>): ExecutionRecord;
  restore(request: Readonly<Record<string, string | boolean | string[]>>): ExecutionRecord;
  restoreTest(request: Readonly<Record<string, string>>): ExecutionRecord;
  /** Waits for the end and fails the test unless it is a good one. */
  succeeded<Run = BackupRun>(execution: ExecutionRecord): Promise<Ended<Run>>;
  /** Waits for the end and fails the test unless it is this failure. */
  failed(execution: ExecutionRecord, code: string): Promise<ExecutionRecord>;
  /** The execution's own row in the catalog. */
  rowOf(execution: ExecutionRecord): Promise<Execution | undefined>;
  reconcile(): Promise<Readonly<Record<string, number | boolean>>>;
  /** Invokes the function with this logical id, and fails the test when it fails. */
  invoke(logicalId: string, payload?: object): Promise<unknown>;
  /** Invokes what takes requests that were made by SQL. */
  takeRequests(): Promise<Readonly<Record<string, number | boolean>>>;
};
export type Ended<Run> = { readonly record: ExecutionRecord; readonly run: Run };

/** Opens the stack of the folder in this process, with a status page on any port. */
export async function openStack(folder: StackFolder, more: Partial<LocalStackOptions> = {}): Promise<OpenStack> {
  const stack = await openLocalStack({
    assemblyDir: folder.assembly,
    stateDir: folder.stateDirectory,
    config: folder.config,
    serve: true,
    port: 0,
    // Schedules are due at night; a test that runs then must not find a backup that it did not ask for.
    clock: { ...systemClock, now: () => new Date('2026-11-21T12:00:00Z') },
    environment: folder.environment,
    ...more,
  });
  const running = findRunningStack(folder.stateDirectory);
  if (running === undefined) throw new Error('the stack that was opened cannot be found');
  const catalog = localCatalog(running);
  const lambda = new LambdaClient(clientSettings(running));
  const invoke: OpenStack['invoke'] = async (logicalId, payload = {}) => {
    const answer = await lambda.send(
      new InvokeCommand({ FunctionName: functionIn(running, logicalId), Payload: JSON.stringify(payload) }),
    );
    const text = Buffer.from(answer.Payload ?? []).toString();
    if (answer.FunctionError !== undefined) throw new Error(text);
    return JSON.parse(text);
  };
  const describe = ({ name, error, cause }: ExecutionRecord): string => `execution '${name}': ${error}: ${cause}`;
  return {
    folder,
    stack,
    catalog,
    backup: (target, request = {}) => stack.startExecution('holdfast-backup', { target, ...request }),
    restore: (request) => stack.startExecution('holdfast-restore', { ...request }),
    restoreTest: (request) => stack.startExecution('holdfast-restore-test', { ...request }),
    async succeeded<Run>({ arn }: ExecutionRecord) {
      const record = await stack.waitFor(arn);
      if (record.status !== 'SUCCEEDED') throw new Error(describe(record));
      return { record, run: (JSON.parse(record.output ?? '{}') as { run: Run }).run };
    },
    async failed({ arn }, code) {
      const record = await stack.waitFor(arn);
      if (record.status !== 'FAILED' || record.error !== code)
        throw new Error(`expected '${code}', ${describe(record)}`);
      return record;
    },
    async rowOf({ name }) {
      return (await catalog.list({ limit: 1000 })).find(({ execution }) => execution === name);
    },
    reconcile: async () => (await invoke('ReconcileFunction')) as Readonly<Record<string, number | boolean>>,
    invoke,
    takeRequests: async () => (await invoke('RequestsTakeFunction')) as Readonly<Record<string, number | boolean>>,
    async [Symbol.asyncDispose]() {
      await stack.close();
      await assertAllowed(folder, stack);
    },
  };
}

/** Whatever a test did: on AWS its calls would have been allowed. */
async function assertAllowed({ assembly, config }: StackFolder, { calls }: LocalStack): Promise<void> {
  const policies = readPolicies(readAssembly(assembly), config.aws.region);
  assert.deepEqual(await denials(policies, requestsOf(await calls.read())), []);
}

/** The published manifest of a backup, as it lies in the store. */
export function manifestOf(
  { store }: StackFolder,
  run: { readonly target: TargetName; readonly backupId: BackupId },
): Manifest {
  return JSON.parse(readFileSync(join(store, manifestKey(run.target, run.backupId)), 'utf8')) as Manifest;
}

/** Every object of the store below a prefix, by key; what is not an object (`.store/`) is left out. */
export function objectsUnder({ store }: StackFolder, prefix: string): readonly string[] {
  return globSync(`${prefix}**/*`, { cwd: store, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(store.length + 1))
    .sort();
}

/** The state of a target's lease. */
export function leaseOf(
  { store }: StackFolder,
  target: FixtureTarget,
): { readonly isReleased: boolean; readonly holder: string; readonly since: string; readonly token: number } {
  return JSON.parse(readFileSync(join(store, `leases/${target}/logical.json`), 'utf8'));
}
