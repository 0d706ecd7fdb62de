import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../lib/config/load.ts';
import { Bundle } from '../lib/constructs/bundle.ts';
import { benchFolder, directoryPlaces } from './backup-stores.ts';
import { type BenchServer, benchServer } from './bench-database.ts';
import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import { type HoldfastBackup, measureBackup } from './holdfast-backup.ts';
import { benchRounds, benchScale } from './scale.ts';

const base = { method: 'base', format: 'base' } as const;

/** As a user has it who has set nothing, and with limits on what is read a second. */
const kinds = [
  { name: 'a backup at the default settings', wanted: {}, bytesPerSecond: undefined },
  { name: 'a base backup at the default settings', wanted: base, bytesPerSecond: undefined },
  { name: 'a backup at 32 MiB/s', wanted: {}, bytesPerSecond: 32 * 1024 * 1024 },
  { name: 'a backup at 8 MiB/s', wanted: {}, bytesPerSecond: 8 * 1024 * 1024 },
];

/**
 * What a backup of a 2 GB database costs those who use the server: transactions of pgbench a second with a backup running beside them,
 * against without. Four clients ask for as much as they get. Server, pgbench and backup share the machine, which no installation does: it is
 * the worst case, in which whatever CPU time a backup takes is missing elsewhere.
 */
export async function run(): Promise<BenchRow[]> {
  await using folder = await benchFolder();
  await using server = await benchServer(benchScale, { wal_level: 'replica', max_wal_senders: '10' });
  await pgbench(server, ['--initialize', '--scale=10', '--quiet', '--no-vacuum']);
  const bundle = new Bundle(loadConfig(join(import.meta.dirname, '../holdfast.example.yaml'), {}));

  const rows: BenchRow[] = [];
  for (const { name, wanted, bytesPerSecond } of kinds) {
    const samples: { readonly ours: Sample; readonly peer: Sample }[] = [];
    for (let round = 0; round < benchRounds; round++) {
      await using place = await directoryPlaces(folder.path).open();
      const options: HoldfastBackup = {
        folder: folder.path,
        server,
        program: join(bundle.taskDirectory('holdfast'), 'main.mjs'),
        store: JSON.stringify(place.settings),
        env: {},
        isReadBack: true,
        ...(bytesPerSecond === undefined ? {} : { rateLimitBytesPerSecond: bytesPerSecond }),
      };
      const peer = await during(server, delay(20_000));
      const ours = await during(server, measureBackup(options, wanted));
      console.error(`${name}: ${JSON.stringify({ peer, ours })}`);
      samples.push({ peer, ours });
    }
    rows.push(
      rowOf({
        name: `pgbench beside ${name}`,
        peerName: 'without one',
        unit: 'transactions/s',
        samples,
        figureOf: ({ transactionsPerSecond = Number.NaN }) => transactionsPerSecond,
      }),
    );
  }
  return rows;
}

/** Transactions that the server does in so many seconds. */
async function throughput(server: BenchServer, seconds: number): Promise<Sample> {
  const output = await pgbench(server, ['--client=4', `--time=${seconds}`, '--no-vacuum', '--protocol=prepared']);
  const [, perSecond] = /^tps = ([\d.]+)/m.exec(output) ?? [];
  if (perSecond === undefined) throw new Error(`pgbench did not say how much it did: ${output}`);
  return { seconds, cpuSeconds: Number.NaN, transactionsPerSecond: Number(perSecond) };
}

/** Measured in runs of three seconds, each of which takes a moment to get going, for as long as that lasts, and a minute at most. */
async function during(server: BenchServer, lasting: Promise<unknown>): Promise<Sample> {
  let isOver = false;
  const ended = lasting.finally(() => {
    isOver = true;
  });
  const samples: Sample[] = [];
  while (!isOver && samples.length < 20) {
    const sample = await throughput(server, 3);
    if (!isOver) samples.push(sample);
  }
  await ended;
  const sum = samples.reduce((total, sample) => total + (sample.transactionsPerSecond ?? 0), 0);
  return { seconds: samples.length * 3, cpuSeconds: Number.NaN, transactionsPerSecond: sum / samples.length };
}

async function pgbench(server: BenchServer, args: readonly string[]): Promise<string> {
  const child = spawn(join(server.binDir, 'pgbench'), [...args, 'postgres'], {
    env: { PGHOST: server.host, PGPORT: String(server.port), PGUSER: server.user, PGPASSWORD: server.password },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code !== 0) throw new Error(`pgbench ended with ${code}: ${errors.slice(-1000)}`);
  return output;
}
