import { join } from 'node:path';
import { loadConfig } from '../lib/config/load.ts';
import { Bundle } from '../lib/constructs/bundle.ts';
import { type BenchStore, benchFolder, directoryPlaces, minioPlaces } from './backup-stores.ts';
import { type BenchServer, benchDatabase, benchServer } from './bench-database.ts';
import type { BenchRow, Sample } from './bench-row.ts';
import { measureBackup } from './holdfast-backup.ts';
import { measureScript } from './measure-command.ts';
import { type Contender, measureAll, rowBetween } from './rounds.ts';
import { benchScale } from './scale.ts';

/**
 * A logical backup of a 2 GB database by the task's own program (encrypted, digested, read back) into a directory and into MinIO, against
 * what a shell does with the same tools, and against pg_dump's own compression. Every round runs each contender once, every second
 * round in reverse.
 */
export async function run(): Promise<BenchRow[]> {
  await using folder = await benchFolder();
  await using server = await benchServer(benchScale);
  console.error(`the database has ${(server.databaseBytes / 1024 ** 2).toFixed(0)} MiB`);
  await using minio = await minioPlaces();
  const bundle = new Bundle(loadConfig(join(import.meta.dirname, '../holdfast.example.yaml'), {}));
  const setting: Setting = { folder: folder.path, server, program: join(bundle.taskDirectory('holdfast'), 'main.mjs') };

  const stores = [directoryPlaces(folder.path), minio];
  const contenders = [
    ...stores.flatMap((store) => contendersFor(setting, store)),
    { name: gzipName, measure: () => measureGzip(setting, directoryPlaces(folder.path)) },
  ];
  const samples = await measureAll(contenders);
  return [
    ...stores.flatMap((store) => [
      rowBetween(samples, oursName(store, true), pipeName(store)),
      rowBetween(samples, oursName(store, false), pipeName(store)),
    ]),
    rowBetween(samples, oursName(directoryPlaces(folder.path), true), gzipName),
  ];
}

type Setting = { readonly folder: string; readonly server: BenchServer; readonly program: string };

const gzipName = 'pg_dump -Fc > file';
const pipeName = ({ uploadName }: BenchStore): string => `pg_dump -Fc -Z0 | zstd -3 -T2 | ${uploadName}`;
const oursName = ({ name }: BenchStore, isReadBack: boolean): string =>
  `backup to ${name}${isReadBack ? '' : ', without proof'}`;

function contendersFor(setting: Setting, store: BenchStore): Contender[] {
  return [
    { name: oursName(store, true), measure: () => measureOurs(setting, store, true) },
    { name: pipeName(store), measure: () => measurePipe(setting, store) },
    { name: oursName(store, false), measure: () => measureOurs(setting, store, false) },
  ];
}

async function measureOurs(setting: Setting, store: BenchStore, isReadBack: boolean): Promise<Sample> {
  await using place = await store.open();
  return await measureBackup({ ...setting, store: JSON.stringify(place.settings), env: store.env, isReadBack });
}

async function measurePipe({ server }: Setting, store: BenchStore): Promise<Sample> {
  await using place = await store.open();
  return await measureScript({
    script: `pg_dump -Fc -Z0 | zstd -3 -T2 -q -c | ${place.upload}`,
    env: { ...toolEnvironment(server), ...store.env },
    serverData: server.dataDir,
  });
}

async function measureGzip({ server }: Setting, store: BenchStore): Promise<Sample> {
  await using place = await store.open();
  return await measureScript({
    script: `pg_dump -Fc | ${place.upload}`,
    env: toolEnvironment(server),
    serverData: server.dataDir,
  });
}

function toolEnvironment(server: BenchServer): Record<string, string> {
  return {
    PATH: `${server.binDir}:${process.env['PATH']}`,
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
    PGDATABASE: benchDatabase,
  };
}
