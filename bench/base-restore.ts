import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchRow, Sample } from './bench-row.ts';
import { measureBackup, measureClusterRestore } from './holdfast-backup.ts';
import { physicalSetting } from './physical-setting.ts';
import { measureAll, rowBetween } from './rounds.ts';

/**
 * A base backup of 3 GB from an S3 server into a data folder that could be started, and synced, against pgBackRest's restore of its own with two
 * processes.
 */
export async function run(): Promise<BenchRow[]> {
  await using setting = await physicalSetting();
  const { folder, store, peer } = setting;
  await using place = await store.open();
  const options = setting.ours(place, { isReadBack: false });
  const { run: backup } = await measureBackup(options, { method: 'base', format: 'base' });
  await peer.backup('full');

  let count = 0;
  const into = async (restore: (into: string) => Promise<Sample>): Promise<Sample> => {
    const data = join(folder, `restored-${++count}`);
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
