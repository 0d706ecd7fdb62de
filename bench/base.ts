import { join } from 'node:path';
import type { PostgresServer } from '../test/servers/postgres.ts';
import type { BenchPlace } from './backup-stores.ts';
import { toolEnvironment } from './bench-cluster.ts';
import type { BenchRow, Sample } from './bench-row.ts';
import { measureBackup } from './holdfast-backup.ts';
import { measureScript } from './measure-command.ts';
import { physicalSetting } from './physical-setting.ts';
import { type Contender, measureAll, rowBetween } from './rounds.ts';

/**
 * A base backup of a cluster of 3 GB, compressed, encrypted, digested, and read back, to an S3 server; against pgBackRest, which reads the files
 * where they lie, against pg_basebackup through zstd and an upload, and against pg_basebackup's own compression. Every round runs each
 * contender once, every second round in reverse.
 */
export async function run(): Promise<BenchRow[]> {
  await using setting = await physicalSetting();
  const { folder, server, store, peer } = setting;
  await using place = await store.open();
  const backup = (isReadBack: boolean) => async () => {
    await using own = await store.open();
    return measureBackup(setting.ours(own, { isReadBack }), { method: 'base', format: 'base' });
  };
  const ours: readonly Contender[] = [
    { name: 'base backup to MinIO', measure: backup(true) },
    { name: 'base backup to MinIO, without proof', measure: backup(false) },
  ];
  const peers: readonly Contender[] = [
    { name: 'pgBackRest backup', measure: () => peer.backup('full') },
    { name: 'pg_basebackup -Ft | zstd -3 -T2 | aws s3 cp -', measure: () => pipe(server, place, store.env) },
    { name: 'pg_basebackup -z > file', measure: () => ownCompression(server, folder) },
  ];
  const samples = await measureAll([...ours, ...peers]);
  return peers.flatMap((other) => ours.map(({ name }) => rowBetween(samples, name, other.name)));
}

function pipe(server: PostgresServer, { upload }: BenchPlace, env: Readonly<Record<string, string>>): Promise<Sample> {
  return measureScript({
    script: `pg_basebackup -Ft -X fetch -D - --checkpoint=fast --no-password | zstd -3 -T2 -q -c | ${upload}`,
    env: { ...toolEnvironment(server), ...env },
    serverData: server.dataDir,
  });
}

function ownCompression(server: PostgresServer, folder: string): Promise<Sample> {
  const to = join(folder, 'pg_basebackup');
  return measureScript({
    script: `rm -rf "${to}" && pg_basebackup -Ft -z -X fetch -D "${to}" --checkpoint=fast --no-password && sync -f "${to}"`,
    env: toolEnvironment(server),
    serverData: server.dataDir,
  });
}
