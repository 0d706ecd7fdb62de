import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDirectoryStore } from '../../lib/store/directory-store.ts';
import { storeConformance } from './store-conformance.ts';

storeConformance('directory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-store-'));
  return {
    newStore: async () => await openDirectoryStore(await mkdtemp(join(folder, 'vault-'))),
    leftovers: async (store) => (await readdir(join(fileURLToPath(store.url), '.store', 'tmp'))).length,
    // All 10,000 parts, in sizes that grow from 16 bytes to 412.
    growing: { plan: { firstBytes: 16, growthBytes: 4, tierParts: 100, maxParts: 10_000 }, parts: 10_000 },
    dispose: async () => await rm(folder, { recursive: true }),
    versionsAfterTwoPutsAndDelete: { count: 0, because: 'a folder keeps no old versions' },
    refusedKeys: { keys: [], because: 'the contract is what a file system can hold' },
  };
});
