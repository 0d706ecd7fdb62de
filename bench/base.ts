import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { loadConfig } from '../lib/config/load.ts';
import { Bundle } from '../lib/constructs/bundle.ts';
import { serverAccount } from '../lib/servers/server-account.ts';
import { ensurePgBackRest } from '../scripts/servers/pgbackrest.ts';
import { type PostgresServer, postgresServer } from '../test/servers/postgres.ts';
import { minioServer, type S3Server } from '../test/servers/s3.ts';
import { type BenchPlace, benchFolder, minioPlaces } from './backup-stores.ts';
import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import { measureBackup } from './holdfast-backup.ts';
import { measureScript } from './measure-command.ts';
import { benchRounds, benchScale } from './scale.ts';

/**
 * A base backup of a cluster of 3 GB, compressed, encrypted, digested, and read back, to an S3 server; against pgBackRest, which reads the files
 * where they lie, against pg_basebackup through zstd and an upload, and against pg_basebackup's own compression. PostgreSQL 15, the newest that
 * Debian's pgBackRest knows. Every round runs each contender once, every second round in reverse.
 */
export async function run(): Promise<BenchRow[]> {
  await using folder = await benchFolder();
  await using server = await cluster();
  await using plain = await minioPlaces();
  await using tls = await minioServer({ tls: true });
  await using place = await plain.open();
  const bundle = new Bundle(loadConfig(join(import.meta.dirname, '../holdfast.example.yaml'), {}));
  const program = join(bundle.taskDirectory('holdfast'), 'main.mjs');
  const backup = (isReadBack: boolean) => async () => {
    await using own = await plain.open();
    const store = JSON.stringify(own.settings);
    return measureBackup(
      { folder: folder.path, server, program, store, env: plain.env, isReadBack },
      { method: 'base', format: 'base' },
    );
  };
  const contenders: readonly Contender[] = [
    { name: 'base backup to MinIO', measure: backup(true) },
    { name: 'base backup to MinIO, without read-back', measure: backup(false) },
    { name: 'pgBackRest backup', measure: await pgBackRest(server, tls, folder.path) },
    { name: 'pg_basebackup -Ft | zstd -3 -T2 | aws s3 cp -', measure: () => pipe(server, place, plain.env) },
    { name: 'pg_basebackup -z > file', measure: () => ownCompression(server, folder.path) },
  ];
  const samples = await measureAll(contenders);
  return contenders.slice(2).flatMap(({ name: peerName }) =>
    contenders.slice(0, 2).map(({ name }) =>
      rowOf({
        name,
        peerName,
        unit: 's',
        samples: (samples.get(name) ?? []).flatMap((ours, round) => {
          const peer = samples.get(peerName)?.[round];
          return peer ? [{ ours, peer }] : [];
        }),
        figureOf: ({ seconds }) => seconds,
      }),
    ),
  );
}

type Contender = { readonly name: string; readonly measure: () => Promise<Sample> };

/** pgbench's tables (two thirds) and a table of wide texts that compress to a third or so. */
async function cluster(): Promise<PostgresServer> {
  const server = await postgresServer({
    major: 15,
    settings: { shared_buffers: '256MB', max_wal_size: '4GB', max_wal_senders: '10' },
  });
  try {
    await promisify(execFile)(
      join(server.binDir, 'pgbench'),
      ['--initialize', `--scale=${Math.max(1, Math.round(130 * benchScale))}`, '--quiet'],
      { env: toolEnvironment(server) },
    );
    const client = new Client({ connectionString: server.url('postgres') });
    await client.connect();
    await client.query(`create table wide as
      select n as id, md5(n::text) || repeat(md5((n / 7)::text), 60) || md5(random()::text) as content
        from generate_series(1, ${Math.ceil(500_000 * benchScale)}) n`);
    await client.query('vacuum analyze');
    await client.query('checkpoint');
    await client.end();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

const toolEnvironment = (server: PostgresServer): Record<string, string> => ({
  PATH: `${server.binDir}:${process.env['PATH']}`,
  PGHOST: server.host,
  PGPORT: String(server.port),
  PGUSER: server.user,
  PGPASSWORD: server.password,
  PGDATABASE: 'postgres',
});

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

/** pgBackRest runs as the server's own account, on its machine, and sends over TLS to a bucket of its own. */
async function pgBackRest(server: PostgresServer, store: S3Server, folder: string): Promise<Contender['measure']> {
  const program = await ensurePgBackRest((line) => console.error(line));
  const account = serverAccount();
  const own = join(folder, 'pgbackrest');
  await mkdir(own, { recursive: true });
  const file = join(own, 'pgbackrest.conf');
  const endpoint = new URL(store.endpoint);
  await writeFile(
    file,
    `[global]
repo1-type=s3
repo1-path=/repo
repo1-s3-bucket=${await store.newBucket()}
repo1-s3-endpoint=${endpoint.hostname}
repo1-storage-port=${endpoint.port}
repo1-storage-verify-tls=n
repo1-s3-uri-style=path
repo1-s3-region=${store.region}
repo1-s3-key=${store.accessKeyId}
repo1-s3-key-secret=${store.secretAccessKey}
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=bench
repo1-retention-full=1
compress-type=zst
compress-level=3
process-max=2
start-fast=y
archive-check=n
archive-copy=n
log-level-console=error
log-level-file=off
lock-path=${own}/lock
spool-path=${own}/spool
[bench]
pg1-path=${server.dataDir}
pg1-socket-path=${dirname(server.dataDir)}
pg1-port=${server.port}
pg1-user=${server.user}
`,
  );
  // The bench's folder is private to the account that runs it.
  await chmod(folder, 0o711);
  if (account) await chown(own, account.uid, account.gid);
  const as = account ? `setpriv --reuid=${account.uid} --regid=${account.gid} --clear-groups ` : '';
  const command = `${as}"${program}" --config="${file}" --stanza=bench`;
  const env = { ...toolEnvironment(server), HOME: own };
  await measureScript({ script: `${command} --no-online stanza-create`, env });
  return () =>
    measureScript({
      script: `${command} --type=full backup`,
      env,
      serverData: server.dataDir,
    });
}

async function measureAll(contenders: readonly Contender[]): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < benchRounds; round++) {
    for (const { name, measure } of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const sample = await measure();
      samples.get(name)?.push(sample);
      console.error(`${name}: ${sample.seconds.toFixed(1)} s, ${JSON.stringify(sample)}`);
    }
  }
  return samples;
}
