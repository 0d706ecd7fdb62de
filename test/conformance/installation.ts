import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../lib/config/load.ts';
import { newOperationId, type TargetName, targetNameSchema } from '../../lib/core/ids.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import type { RestoreRun } from '../../lib/core/requests.ts';
import type { EncryptionAlgorithm, Format, Method } from '../../lib/core/vocabulary.ts';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { createRecorder } from '../../lib/lifecycle/recorder.ts';
import { releaseLeases } from '../../lib/lifecycle/release-leases.ts';
import { runBackup } from '../../lib/runner/backup.ts';
import { type RunContext, withRunContext } from '../../lib/runner/context.ts';
import type { ReportProgress } from '../../lib/runner/progress.ts';
import { type RestoreOutcome, runRestore } from '../../lib/runner/restore.ts';
import { type Validation, validateBackup } from '../../lib/runner/validate.ts';
import type { S3Server } from '../servers/s3.ts';

export const sourceTarget: TargetName = targetNameSchema.parse('source');
export const destinationTarget: TargetName = targetNameSchema.parse('destination');

/** A configuration with a store of its own, and the verbs of the runner over it. */
export type Installation = AsyncDisposable & {
  readonly configFile: string;
  /** One backup, as the task makes it. An execution that is tried again is the same backup. */
  backUp(wanted: { readonly method: Method; readonly format: Format; readonly execution: string }): Promise<Manifest>;
  validate(manifest: Manifest): Promise<Validation>;
  restore(manifest: Manifest, wanted?: Partial<RestoreRun>): Promise<RestoreOutcome>;
  /** Hands what is done to the store itself. */
  within<Result>(work: (context: RunContext) => Promise<Result>): Promise<Result>;
  /** The same store, read with another key. */
  withAnotherKey(): Promise<Installation>;
};

/** `targets` is YAML: a list with a target `source`, which is backed up, and `destination`, which is restored into. */
export async function openInstallation(options: {
  readonly algorithm: EncryptionAlgorithm;
  readonly s3?: S3Server;
  readonly targets: string;
}): Promise<Installation> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-matrix-'));
  await mkdir(path.join(folder, 'vault'));
  const store = options.s3
    ? `{ kind: s3, bucket: ${await options.s3.newBucket()}, endpoint: "${options.s3.endpoint}", forcePathStyle: true, region: ${options.s3.region} }`
    : `{ kind: file, path: ${folder}/vault }`;
  const write = async (name: string, key: string): Promise<Installation> => {
    const encryption =
      options.algorithm === 'none'
        ? '{ keys: none }'
        : `{ keys: key-file, keyFile: ${folder}/${key}, algorithm: ${options.algorithm} }`;
    const configFile = path.join(folder, name);
    await writeFile(
      configFile,
      `store: ${store}\nencryption: ${encryption}\nrun: { parallelJobs: 2 }\ntargets:\n${options.targets}`,
    );
    const config = loadConfig(configFile, {});
    if (config.encryption.keys === 'key-file') await ensureKeyFile(config.encryption.keyFile);
    return over(
      configFile,
      () => write('other.yaml', 'other.key'),
      () => rm(folder, { recursive: true, force: true }),
    );
  };
  return write('holdfast.yaml', 'holdfast.key');
}

/** The installation whose configuration is in that file. */
export function over(
  configFile: string,
  withAnotherKey: Installation['withAnotherKey'],
  dispose: () => Promise<void>,
  report: ReportProgress = () => {},
): Installation {
  const config = loadConfig(configFile, {});
  const within: Installation['within'] = (work) =>
    withRunContext({ config, environment: process.env, signal: new AbortController().signal, report }, work);
  return {
    configFile,
    within,
    withAnotherKey,
    validate: (manifest) => within((context) => validateBackup(context, manifest.target, manifest.backupId, 'full')),
    backUp: ({ execution, ...wanted }) =>
      within(async (context) => {
        const { store, clock } = context;
        const recorder = createRecorder({ store, catalog: undefined, warn: () => {} });
        const admission = await admitBackup(
          { config, store, recorder, clock },
          {
            request: { target: sourceTarget, ...wanted },
            execution,
            startedAt: '2026-11-21T02:00:00.000Z',
            redriveCount: 0,
          },
        );
        if (admission.verdict !== 'admitted') throw new Error(JSON.stringify(admission));
        try {
          return await runBackup(context, admission.run);
        } finally {
          await releaseLeases({ store, clock }, admission.run);
        }
      }),
    restore: (manifest, wanted = {}) =>
      within(async (context) => {
        const run: RestoreRun = {
          recoveryId: newOperationId(context.clock()),
          backupId: manifest.backupId,
          target: manifest.target,
          into: destinationTarget,
          databases: null,
          schemas: null,
          tables: null,
          withDependencies: false,
          paths: null,
          onConflict: null,
          jobs: null,
          comparison: 'full',
          point: null,
          timeline: null,
          folders: [],
          start: true,
          newIdentity: false,
          as: null,
          replace: false,
          requestedBy: { kind: 'user' },
          execution: 'matrix',
          requestedAt: context.clock().toISOString(),
          tenant: null,
          ...wanted,
        };
        return await runRestore(context, run).finally(() => releaseLeases(context, run));
      }),
    [Symbol.asyncDispose]: dispose,
  };
}
