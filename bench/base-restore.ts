import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../lib/config/load.ts';
import { Bundle } from '../lib/constructs/bundle.ts';
import { minioServer } from '../test/servers/s3.ts';
import { benchFolder, minioPlaces } from './backup-stores.ts';
import { benchCluster } from './bench-cluster.ts';
import type { BenchRow, Sample } from './bench-row.ts';
import { type HoldfastBackup, measureBackup, measureClusterRestore } from './holdfast-backup.ts';
import { pgBackRest } from './pgbackrest.ts';
import { measureAll, rowBetween } from './rounds.ts';

/**
 * A base backup of 3 GB from an S3 server into a data folder that could be started, and synced, against pgBackRest's restore of its own with two
 * processes.
 */
export async function run(): Promise<BenchRow[]> {
  await using folder = await benchFolder();
  await using server = await benchCluster();
  await using plain = await minioPlaces();
  await using tls = await minioServer({ tls: true });
  await using place = await plain.open();
  const bundle = new Bundle(loadConfig(join(import.meta.dirname, '../holdfast.example.yaml'), {}));
  const program = join(bundle.taskDirectory('holdfast'), 'main.mjs');
  const store = JSON.stringify(place.settings);
  const options: HoldfastBackup = { folder: folder.path, server, program, store, env: plain.env, isReadBack: false };
  const { run: backup } = await measureBackup(options, { method: 'base', format: 'base' });
  const peer = await pgBackRest(server, tls, folder.path);
  await peer.backup('full');

  let count = 0;
  const into = async (restore: (into: string) => Promise<Sample>): Promise<Sample> => {
    const data = join(folder.path, `restored-${++count}`);
    try {
      return await restore(data);
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  };
  const [ours, theirs] = ['restore of a base backup', 'pgBackRest restore'] as const;
  const samples = await measureAll([
    { name: ours, measure: () => into((data) => measureClusterRestore(options, backup, data)) },
    { name: theirs, measure: () => into((data) => peer.restore(data)) },
  ]);
  return [rowBetween(samples, ours, theirs)];
}
