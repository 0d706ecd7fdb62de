import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { targetNameSchema } from '../lib/core/ids.ts';
import { openLogFeed } from '../lib/engines/postgres/recover/log-feed.ts';
import { openKeyProviderOf } from '../lib/keys/open-key-provider.ts';
import { serverAccount } from '../lib/servers/server-account.ts';
import { openStore } from '../lib/store/open-store.ts';
import { openWal } from '../lib/wal/open-wal.ts';
import { pushWal, readControlFile } from '../lib/wal/push-wal.ts';
import type { WalContext } from '../lib/wal/wal-context.ts';
import { type PostgresServer, postgresServer } from '../test/servers/postgres.ts';
import { minioServer } from '../test/servers/s3.ts';
import { benchFolder, minioPlaces } from './backup-stores.ts';
import type { BenchRow, Sample } from './bench-row.ts';
import { targetName, walConfig } from './holdfast-backup.ts';
import { measureScript } from './measure-command.ts';
import { pgBackRest } from './pgbackrest.ts';
import { pgbench } from './pgbench.ts';
import { measureAll, rowBetween } from './rounds.ts';
import { benchScale } from './scale.ts';

/**
 * Segments of WAL out of an S3 server, one after another and as fast as they are to be had, as a recovering server asks for them, against pgBackRest's
 * asynchronous archive-get with two processes. Nothing is replayed, which takes the server far longer than either.
 */
export async function run(): Promise<BenchRow[]> {
  await using folder = await benchFolder();
  await using server = await postgresServer({
    major: 17,
    settings: { shared_buffers: '256MB', max_wal_size: '4GB', wal_keep_size: '8GB' },
  });
  await pgbench(server, ['--initialize', `--scale=${Math.max(4, Math.round(80 * benchScale))}`, '--quiet']);
  await using minio = await minioPlaces();
  await using tls = await minioServer({ tls: true });
  await using place = await minio.open();
  const peer = await pgBackRest(server, tls, folder.path);
  const config = await walConfig({ server, folder: folder.path, store: place.settings });
  const store = await openStore(config.store);
  const stop = new AbortController();
  const context: WalContext = {
    ...{ store, config, openKeys: openKeyProviderOf, clock: () => new Date(), signal: stop.signal },
  };
  const controlFile = join(server.dataDir, 'global', 'pg_control');
  const target = targetNameSchema.parse(targetName);
  const names = await wholeSegments(server);
  for (const name of names) {
    const path = join(server.dataDir, 'pg_wal', name);
    await pushWal(context, target, { path, controlFile });
    await peer.pushWal(path);
  }
  const { systemIdentifier } = await readControlFile(controlFile);
  const account = serverAccount();

  /** As the server calls it: to a place within the data directory. */
  const asked = async (ask: (data: string) => Promise<Sample>): Promise<Sample> => {
    const data = join(folder.path, randomBytes(4).toString('hex'));
    for (const one of [data, join(data, 'feed'), join(data, 'pg_wal')]) {
      await mkdir(one);
      if (account) await chown(one, account.uid, account.gid);
    }
    try {
      return await ask(data);
    } finally {
      await rm(data, { recursive: true });
    }
  };
  const fed = async (data: string): Promise<Sample> => {
    const wal = openWal(context, target, systemIdentifier);
    const before = process.cpuUsage();
    await using feed = await openLogFeed({
      ...{ folder: join(data, 'feed'), data, account, names, ahead: 4, signal: stop.signal, onTaken() {} },
      log: { read: (name) => wal.read(name), history: async () => undefined },
    });
    const calls = names.map((name) => feed.command.replace('%f', name).replace('%p', 'pg_wal/RECOVERYXLOG'));
    const sample = await measureScript({
      script: calls.map((call) => `sh -c ${quoted(call)} || exit 1`).join('\n'),
      env: {},
    });
    const { user, system } = process.cpuUsage(before);
    return { ...sample, cpuSeconds: sample.cpuSeconds + (user + system) / 1_000_000 };
  };
  const [own, theirs] = [
    `${names.length} segments of WAL as a recovery asks for them`,
    'pgBackRest archive-get',
  ] as const;
  const samples = await measureAll([
    { name: own, measure: () => asked(fed) },
    { name: theirs, measure: () => asked((data) => peer.fetchWal(names, join(data, 'pg_wal', 'RECOVERYXLOG'))) },
  ]);
  await store.close();
  return [rowBetween(samples, own, theirs)];
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Those that the server has written to their ends, in order. */
async function wholeSegments(server: PostgresServer): Promise<readonly string[]> {
  const client = new Client({ connectionString: server.url('postgres') });
  await client.connect();
  await client.query('update pgbench_accounts set abalance = aid');
  await client.query('select pg_switch_wal()');
  const { rows } = await client.query<{ current: string }>('select pg_walfile_name(pg_current_wal_lsn()) as current');
  await client.end();
  const current = rows[0]?.current ?? '';
  const files = await readdir(join(server.dataDir, 'pg_wal'));
  return files.filter((name) => /^[0-9A-F]{24}$/.test(name) && name < current).sort();
}
