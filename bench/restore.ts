import { join } from 'node:path';
import { Client } from 'pg';
import { loadConfig } from '../lib/config/load.ts';
import { Bundle } from '../lib/constructs/bundle.ts';
import type { BackupRun } from '../lib/core/requests.ts';
import { benchFolder, directoryPlaces } from './backup-stores.ts';
import { type BenchServer, benchDatabase, benchServer } from './bench-database.ts';
import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import { type HoldfastBackup, measureBackup, measureRestore } from './holdfast-backup.ts';
import { measureScript } from './measure-command.ts';
import { benchRounds, benchScale } from './scale.ts';

/**
 * A restore of a 2 GB database by the task's own program with two jobs, from fetching and decrypting to the comparison of every row, against
 * `pg_restore -j2` of the same dump from a local file: as the backup holds it, and as `pg_dump -Fc` writes it by itself. The server writes its
 * WAL as one does that is archived.
 */
export async function run(): Promise<BenchRow[]> {
  await using folder = await benchFolder();
  await using server = await benchServer(benchScale, { wal_level: 'replica', max_wal_senders: '10' });
  console.error(`the database has ${(server.databaseBytes / 1024 ** 2).toFixed(0)} MiB`);
  const bundle = new Bundle(loadConfig(join(import.meta.dirname, '../holdfast.example.yaml'), {}));
  await using place = await directoryPlaces(folder.path).open();
  const options: HoldfastBackup = {
    folder: folder.path,
    server,
    program: join(bundle.taskDirectory('holdfast'), 'main.mjs'),
    store: JSON.stringify(place.settings),
    env: {},
    isReadBack: false,
  };
  const { run: backup } = await measureBackup(options);
  const peers = [
    { name: 'pg_restore -j2 of the same file', file: join(folder.path, 'plain.dump'), dump: 'pg_dump -Fc -Z0' },
    { name: 'pg_restore -j2 of pg_dump -Fc', file: join(folder.path, 'gzip.dump'), dump: 'pg_dump -Fc' },
  ];
  for (const { dump, file } of peers) await script(server, `${dump} -d ${benchDatabase} -f "${file}"`);

  const depths = ['full', 'loaded'] as const;
  const pairs = depths.flatMap((comparison) => peers.map((peer) => ({ comparison, peer, samples: [] as Pair[] })));
  for (let round = 0; round < benchRounds; round++) {
    const theirs = new Map<string, Sample>();
    for (const { name, file } of peers) theirs.set(name, await measured(name, () => restorePeer(server, file)));
    for (const comparison of depths) {
      const ours = await measured(comparison, () => restore({ ...options, comparison }, server, backup));
      for (const pair of pairs.filter((one) => one.comparison === comparison))
        pair.samples.push({ ours, peer: theirs.get(pair.peer.name) as Sample });
    }
  }
  return pairs.map(({ comparison, peer, samples }) =>
    rowOf({
      name: `restore, ${comparison === 'full' ? 'every row read back' : 'digests of what was loaded'}`,
      peerName: peer.name,
      unit: 's',
      samples,
      figureOf: ({ seconds }) => seconds,
    }),
  );
}

type Pair = { readonly ours: Sample; readonly peer: Sample };

async function measured(name: string, measure: () => Promise<Sample>): Promise<Sample> {
  const sample = await measure();
  console.error(`${name}: ${sample.seconds.toFixed(1)} s, ${JSON.stringify(sample)}`);
  return sample;
}

async function restore(options: HoldfastBackup, server: BenchServer, backup: BackupRun): Promise<Sample> {
  await clean(server);
  return measureRestore(options, backup, 'bench_copy');
}

async function restorePeer(server: BenchServer, file: string): Promise<Sample> {
  await clean(server);
  return script(server, `createdb bench_copy && pg_restore -j2 -d bench_copy "${file}"`);
}

/** Every run begins without a copy and with the last one's pages written out. */
async function clean(server: BenchServer): Promise<void> {
  const client = new Client({ connectionString: server.url('postgres') });
  await client.connect();
  try {
    await client.query('drop database if exists bench_copy with (force)');
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
}

function script(server: BenchServer, text: string): Promise<Sample> {
  return measureScript({
    script: text,
    env: {
      PATH: `${server.binDir}:${process.env['PATH']}`,
      PGHOST: server.host,
      PGPORT: String(server.port),
      PGUSER: server.user,
      PGPASSWORD: server.password,
    },
    serverData: server.dataDir,
  });
}
