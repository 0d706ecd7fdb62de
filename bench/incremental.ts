import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import type { BackupRun } from '../lib/core/requests.ts';
import { openStore } from '../lib/store/open-store.ts';
import type { PostgresServer } from '../test/servers/postgres.ts';
import type { BenchPlace } from './backup-stores.ts';
import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import { measureBackup, measureClusterRestore } from './holdfast-backup.ts';
import { physicalSetting } from './physical-setting.ts';

const links = 5;

/**
 * A chain of five incremental backups of a cluster of 3 GB, each after a change of one row in a hundred, into an S3 server, against pgBackRest's, which
 * reads the files where they lie; what both store; and the restore of the whole chain.
 */
export async function run(): Promise<BenchRow[]> {
  await using setting = await physicalSetting();
  const { folder, server, store, peer } = setting;
  await using place = await store.open();
  const options = setting.ours(place, { isReadBack: true });
  await measureBackup(options, { method: 'base', format: 'base' });
  await peer.backup('full');

  const backups: Pair[] = [];
  let last: BackupRun | undefined;
  for (let link = 0; link < links; link++) {
    await change(server, link);
    const { run: backup, ...ours } = await measureBackup(options, { method: 'incremental', format: 'blocks' });
    const theirs = await peer.backup('incr');
    last = backup;
    const pair = {
      ours: { ...ours, bytes: await storedBytes(place, backup) },
      peer: { ...theirs, bytes: await peer.lastStoredBytes() },
    };
    console.error(`incremental ${link + 1}: ${JSON.stringify(pair)}`);
    backups.push(pair);
  }
  const restores: Pair[] = [];
  for (let round = 0; round < 3; round++) {
    const into = join(folder, `restored-${round}`);
    const ours = await emptied(into, () => measureClusterRestore(options, last as BackupRun, into));
    const theirs = await emptied(into, () => peer.restore(into));
    console.error(`restore of the chain: ${ours.seconds.toFixed(1)} s, pgBackRest ${theirs.seconds.toFixed(1)} s`);
    restores.push({ ours, peer: theirs });
  }
  const mebibytes = ({ bytes = Number.NaN }: Sample): number => bytes / 1024 ** 2;
  return [
    rowOf({
      name: 'incremental after 1 % of change',
      peerName: 'pgBackRest incr',
      unit: 's',
      samples: backups,
      figureOf: ({ seconds }) => seconds,
    }),
    rowOf({ name: 'stored by it', peerName: 'pgBackRest incr', unit: 'MiB', samples: backups, figureOf: mebibytes }),
    rowOf({
      name: 'restore of a chain of five',
      peerName: 'pgBackRest restore',
      unit: 's',
      samples: restores,
      figureOf: ({ seconds }) => seconds,
    }),
  ];
}

type Pair = { readonly ours: Sample; readonly peer: Sample };

/** One account in a hundred, all of them together as a batch job would have it. */
async function change(server: PostgresServer, round: number): Promise<void> {
  const client = new Client({ connectionString: server.url('postgres') });
  await client.connect();
  const { rows } = await client.query<{ most: number }>('select max(aid) as most from pgbench_accounts');
  const step = Math.ceil((rows[0]?.most ?? 0) / 100);
  await client.query(
    `update pgbench_accounts set abalance = abalance + 1 where aid > ${round * step} and aid <= ${(round + 1) * step}`,
  );
  await client.query('checkpoint');
  await client.end();
}

async function storedBytes({ settings }: BenchPlace, { target, backupId }: BackupRun): Promise<number> {
  const store = await openStore(settings);
  let bytes = 0;
  for await (const object of store.list(`backups/${target}/${backupId}/`)) bytes += object.sizeBytes;
  await store.close();
  return bytes;
}

async function emptied(folder: string, restore: () => Promise<Sample>): Promise<Sample> {
  try {
    return await restore();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
