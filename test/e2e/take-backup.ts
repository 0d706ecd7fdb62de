import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../lib/config/load.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import type { BackupRequest } from '../../lib/core/requests.ts';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { createRecorder } from '../../lib/lifecycle/recorder.ts';
import { releaseLeases } from '../../lib/lifecycle/release-leases.ts';
import { runBackup } from '../../lib/runner/backup.ts';
import { withRunContext } from '../../lib/runner/context.ts';
import type { PostgresServer } from '../servers/postgres.ts';

/** A backup in a store of its own. `folder` holds the configuration, `holdfast.yaml`, and what it names: `vault/`, `holdfast.key`. */
export type TakenBackup = AsyncDisposable & {
  readonly folder: string;
  readonly configFile: string;
  readonly manifest: Manifest;
};

/**
 * Backs up target `shop` as the task would, but for the state machine around it. `settings` is YAML: encryption, compression. `wanted` is
 * what is asked for beside the target.
 */
export async function takeBackup(
  server: PostgresServer,
  settings: string,
  wanted: Partial<BackupRequest> = {},
): Promise<TakenBackup> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-e2e-'));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const configFile = path.join(folder, 'holdfast.yaml');
    await mkdir(path.join(folder, 'vault'));
    await writeFile(path.join(folder, 'password'), server.password, { mode: 0o600 });
    await writeFile(
      configFile,
      `${settings}
${settings.includes('store:') ? '' : 'store: { kind: file, path: ./vault }'}
run: { objectBytes: 2097152 }
targets:
  - name: shop
    engine: postgres
    connection: { host: ${server.host}, port: ${server.port}, user: ${server.user}, password: { file: ${folder}/password }, sslmode: disable }
`,
    );
    return {
      folder,
      configFile,
      manifest: await backUpDatabase(server, configFile, wanted),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function backUpDatabase(
  server: PostgresServer,
  configFile: string,
  wanted: Partial<BackupRequest>,
): Promise<Manifest> {
  process.env['HOLDFAST_PG_BIN'] = server.binDir;
  return backUp(configFile, wanted);
}

let requests = 0;

/** Backs up the configuration's first target as the task would, but for the state machine around it. */
export async function backUp(configFile: string, wanted: Partial<BackupRequest>): Promise<Manifest> {
  const config = loadConfig(configFile, {});
  if (config.encryption.keys === 'key-file') await ensureKeyFile(config.encryption.keyFile);
  const signal = new AbortController().signal;
  return withRunContext({ config, environment: {}, signal, report: () => {} }, async (context) => {
    const { store, clock } = context;
    const recorder = createRecorder({ store, catalog: undefined, warn: () => {} });
    const request = { target: config.targets[0]?.name ?? fail('the configuration has no target'), ...wanted };
    const admission = await admitBackup(
      { config, store, recorder, clock },
      { request, execution: `e2e-${++requests}`, startedAt: '2026-11-21T02:00:00.000Z', redriveCount: 0 },
    );
    if (admission.verdict !== 'admitted') return fail(JSON.stringify(admission));
    const manifest = await runBackup(context, admission.run);
    await releaseLeases({ store, clock }, admission.run);
    return manifest;
  });
}

function fail(why: string): never {
  throw new Error(why);
}
