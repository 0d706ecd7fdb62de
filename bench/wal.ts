import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { loadConfig } from '../lib/config/load.ts';
import { Bundle } from '../lib/constructs/bundle.ts';
import { type PostgresServer, postgresServer } from '../test/servers/postgres.ts';
import { benchFolder, minioPlaces } from './backup-stores.ts';
import { toolEnvironment } from './bench-cluster.ts';
import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import { targetName, walConfig } from './holdfast-backup.ts';
import { pgbench } from './pgbench.ts';
import { benchRounds, benchScale } from './scale.ts';

/** For so long pgbench writes as fast as it can. */
const seconds = Math.max(10, Math.round(60 * benchScale));

/**
 * WAL of a server under pgbench at full speed into an S3 server, compressed and encrypted, flushed every second: how far it is behind when it is
 * durable there, against pg_receivewal with a directory; and what it leaves of pgbench's transactions. Server, pgbench, receiver and store share the
 * machine, which no installation does.
 */
export async function run(): Promise<BenchRow[]> {
  await using folder = await benchFolder();
  await using server = await postgresServer({
    major: 17,
    settings: { fsync: 'on', full_page_writes: 'on', shared_buffers: '256MB', max_wal_size: '4GB' },
  });
  await pgbench(server, ['--initialize', '--scale=20', '--quiet']);
  await using minio = await minioPlaces();
  await using place = await minio.open();
  const bundle = new Bundle(loadConfig(join(import.meta.dirname, '../holdfast.example.yaml'), {}));
  const program = join(bundle.taskDirectory('holdfast'), 'main.mjs');
  const config = await walConfig({ server, folder: folder.path, store: place.settings });
  const configFile = join(folder.path, 'wal.json');
  await writeFile(configFile, JSON.stringify(config));
  const ours = (): ChildProcess =>
    spawn(process.execPath, [program, 'wal', 'receive', targetName], {
      env: { ...process.env, ...minio.env, HOLDFAST_CONFIG: configFile },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const directory = join(folder.path, 'pg_receivewal');
  await mkdir(directory);
  const theirs = (): ChildProcess =>
    spawn(join(server.binDir, 'pg_receivewal'), ['-D', directory, '--slot=peer', '--synchronous'], {
      env: { ...process.env, ...toolEnvironment(server) },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  await ask(server, "select pg_create_physical_replication_slot('peer')");

  const lags: Pair[] = [];
  const rates: Pair[] = [];
  for (let round = 0; round < benchRounds; round++) {
    const alone = await under(server);
    const peer = await under(server, { start: theirs, name: 'pg_receivewal' });
    const own = await under(server, { start: ours, name: 'holdfast' });
    console.error(`alone ${text(alone)}; pg_receivewal ${text(peer)}; ours ${text(own)}`);
    lags.push({ ours: own, peer });
    rates.push({ ours: own, peer: alone });
  }
  return [
    rowOf({
      name: 'WAL until it is durable in MinIO, 99th percentile',
      peerName: 'pg_receivewal --synchronous, a directory',
      unit: 's',
      samples: lags,
      figureOf: ({ seconds: lag }) => lag,
    }),
    rowOf({
      name: 'pgbench while its WAL is received',
      peerName: 'not received',
      unit: 'transactions/s',
      samples: rates,
      figureOf: ({ transactionsPerSecond = Number.NaN }) => transactionsPerSecond,
    }),
  ];
}

type Pair = { readonly ours: Sample; readonly peer: Sample };

const text = ({ seconds: lag, transactionsPerSecond }: Sample): string =>
  `${lag.toFixed(2)} s behind, ${transactionsPerSecond?.toFixed(0)} transactions/s`;

/** pgbench with a receiver beside it: its transactions, and the 99th percentile of how long the receiver needed for what the server had written. */
async function under(
  server: PostgresServer,
  receiver?: { readonly start: () => ChildProcess; readonly name: string },
): Promise<Sample> {
  const child = receiver?.start();
  try {
    if (receiver) await untilStreaming(server);
    const working = pgbench(server, ['--client=4', `--time=${seconds}`, '--no-vacuum']);
    const lag = receiver ? await measureLag(server, working) : 0;
    const [, perSecond] = /^tps = ([\d.]+)/m.exec(await working) ?? [];
    return { seconds: lag, cpuSeconds: Number.NaN, transactionsPerSecond: Number(perSecond) };
  } finally {
    child?.kill('SIGTERM');
    if (child && child.exitCode === null) await once(child, 'exit');
  }
}

async function untilStreaming(server: PostgresServer): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const [row] = await ask(server, "select flush_lsn from pg_stat_replication where state = 'streaming'");
    if (row?.['flush_lsn']) return;
    await sleep(100);
  }
  throw new Error('the receiver does not begin to receive');
}

/** Forty times a second: where the server's WAL is, and where the receiver says that it is durable. */
async function measureLag(server: PostgresServer, working: Promise<unknown>): Promise<number> {
  let isOver = false;
  void working.finally(() => {
    isOver = true;
  });
  const client = new Client({ connectionString: server.url('postgres') });
  await client.connect();
  const written: { readonly at: number; readonly lsn: number }[] = [];
  const lags: number[] = [];
  let next = 0;
  while (!isOver) {
    const { rows } = await client.query<{ written: string; durable: string | null }>(
      `select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0') as written,
              (select pg_wal_lsn_diff(flush_lsn, '0/0') from pg_stat_replication where state = 'streaming') as durable`,
    );
    const now = performance.now();
    written.push({ at: now, lsn: Number(rows[0]?.written) });
    for (let one = written[next]; one && one.lsn <= Number(rows[0]?.durable); one = written[++next])
      lags.push((now - one.at) / 1000);
    await sleep(25);
  }
  await client.end();
  return lags.toSorted((a, b) => a - b)[Math.floor(lags.length * 0.99)] ?? Number.NaN;
}

async function ask(server: PostgresServer, query: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: server.url('postgres') });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(query)).rows;
  } finally {
    await client.end();
  }
}
