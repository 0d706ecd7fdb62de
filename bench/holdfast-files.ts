import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../lib/config/load.ts';
import { ensureKeyFile } from '../lib/keys/key-file.ts';
import { releaseLeases } from '../lib/lifecycle/release-leases.ts';
import { openStore } from '../lib/store/open-store.ts';
import { directoryPlaces } from './backup-stores.ts';
import type { Sample } from './bench-row.ts';
import { admit, measureProgram, targetName } from './holdfast-backup.ts';

/** What one target of Holdfast's takes for backups of the tree, each on the ones before it. */
export type Ours = AsyncDisposable & { readonly backUp: (method: 'files' | 'incremental') => Promise<Sample> };

/** A new store for backups of the tree. */
export async function openOurs(options: {
  readonly folder: string;
  readonly program: string;
  readonly tree: string;
  readonly isReadBack: boolean;
}): Promise<Ours> {
  const { folder, program, tree, isReadBack } = options;
  const place = await directoryPlaces(folder).open();
  const configFile = join(folder, 'files.yaml');
  await writeFile(
    configFile,
    `store: ${JSON.stringify(place.settings)}
encryption: { keys: key-file }
run: { validation: ${isReadBack} }
targets: [{ name: ${targetName}, engine: application, connection: { path: ${tree} } }]
`,
  );
  const config = loadConfig(configFile, {});
  await ensureKeyFile(config.encryption.keyFile);
  return {
    async backUp(method) {
      const run = await admit(config, { method }, randomBytes(4).toString('hex'));
      const sample = await measureProgram({ folder, program, command: 'backup', run, config, env: {} });
      const store = await openStore(config.store);
      await releaseLeases({ store, clock: () => new Date() }, run).finally(() => store.close());
      return sample;
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}
