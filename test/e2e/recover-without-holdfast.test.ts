import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { loadConfig } from '../../lib/config/load.ts';
import { formatLsn } from '../../lib/engines/postgres/replication/lsn.ts';
import { sampleWal } from '../../lib/engines/postgres/replication/wal-sample.ts';
import { openKeyProviderOf } from '../../lib/keys/open-key-provider.ts';
import { serverAccount } from '../../lib/servers/server-account.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { receiveWal } from '../../lib/wal/receiver/receive-wal.ts';
import { ensureDebianPrograms } from '../../scripts/servers/debian-programs.ts';
import { ensurePythonPackages } from '../../scripts/servers/python-packages.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { until } from '../until.ts';
import { withSql } from '../wal/receiver/receiving.ts';
import { type TakenBackup, takeBackup } from './take-backup.ts';

const document = await readFile(new URL('../../docs/restore-without-holdfast.md', import.meta.url), 'utf8');
const blocksOf = (text: string, words: string): string[] =>
  [...text.matchAll(/^```sh([a-z ]*)\n([\s\S]*?)^```$/gm)].flatMap(([, own = '', block = '']) =>
    own.trim() === words ? [block] : [],
  );
const steps = [
  ...blocksOf(document.slice(0, document.indexOf('## 5.')), ''),
  ...blocksOf(document, 'base'),
  ...blocksOf(document, 'wal'),
];
const along = blocksOf(document, 'along');

let venv: string;
before(async () => {
  const progress = (line: string) => console.error(line);
  await ensureDebianPrograms({ jq: 'jq', zstd: 'zstd', openssl: 'openssl' }, progress);
  venv = await ensurePythonPackages(/pip install --quiet (.+)/.exec(document)?.[1]?.split(' ') ?? [], progress);
});

const slot = 'holdfast_shop';

/** Receives WAL until what was written meanwhile is in the store. */
async function receive(server: PostgresServer, { configFile, manifest }: TakenBackup): Promise<void> {
  const config = loadConfig(configFile, {});
  const store = await openStore(config.store);
  const stop = new AbortController();
  const { host, port, user, password } = server;
  const say = (): void => {};
  const receiving = receiveWal(
    { store, config, openKeys: openKeyProviderOf, clock: () => new Date(), signal: stop.signal },
    {
      target: manifest.target,
      connection: async () => ({ host, port, user, password, sslmode: 'disable' }),
      settings: { slot, flushSeconds: 0.2 },
      log: { info: say, warn: say, error: say },
    },
  );
  await withSql(server, async (client) => {
    await client.query('create table item as select * from generate_series(1, 1000) id');
    const written = formatLsn((await sampleWal(client)).lsn);
    const isDurable = 'select 1 from pg_replication_slots where slot_name = $1 and restart_lsn >= $2::pg_lsn';
    await until(async () => (await client.query(isDurable, [slot, written])).rowCount === 1, 'WAL to be durable');
  });
  stop.abort();
  await receiving;
  await store.close();
}

test('a cluster and the WAL after it come back by the commands of the document alone', async () => {
  await using server = await postgresServer({ major: 17, settings: { max_wal_senders: '4' } });
  await using backup = await takeBackup(server, 'encryption: { keys: key-file }', { method: 'base', format: 'base' });
  const { folder, manifest } = backup;
  const system = String(manifest.source['systemIdentifier']);
  await receive(server, backup);

  chmodSync(folder, 0o755);
  const work = path.join(folder, 'work');
  const data = path.join(folder, 'data');
  await mkdir(work);
  await symlink(venv, path.join(work, 'venv'));
  const values: Readonly<Record<string, string>> = {
    ...{ STORE: path.join(folder, 'vault'), TARGET: manifest.target, BACKUP: manifest.backupId },
    ...{ KEY_FILE: path.join(folder, 'holdfast.key'), WORK: work, DATA: data, SYSTEM: system },
  };
  const execute = async (name: string, text: string, as?: string): Promise<string> => {
    const script = path.join(folder, name);
    await writeFile(script, text, { mode: 0o755 });
    const [program, ...args] = as === undefined ? ['bash'] : ['runuser', '-u', as, '--', 'bash'];
    const { stdout, stderr } = await promisify(execFile)(program ?? '', [...args, '-euo', 'pipefail', script], {
      cwd: '/',
      env: {
        ...{ PATH: `${server.binDir}:${process.env['PATH']}`, HOME: folder, LC_ALL: 'C.UTF-8', PIP_NO_INDEX: '1' },
        ...{ DATA: data, WORK: work, PGPORT: '5432' },
      },
    });
    return stdout + stderr;
  };
  const unpacked = await execute(
    'follow.sh',
    steps
      .join('\n')
      .replaceAll(/^([A-Z_]+)=\S+/gm, (line, name: string) =>
        values[name] === undefined ? line : `${name}='${values[name]}'`,
      ),
  );
  const account = serverAccount();
  if (account) await promisify(execFile)('chown', ['-R', `${account.uid}:${account.gid}`, data, work]);

  const recovered = await execute('along.sh', along.join('\n'), account?.name);

  try {
    assert.doesNotMatch(unpacked, /STOP/);
    assert.match(recovered, /recovered$/m);
    const client = new Client({
      host: work,
      port: 5432,
      user: server.user,
      password: server.password,
      database: 'postgres',
    });
    await client.connect();
    const { rows } = await client.query<{ count: number }>('select count(*)::int as count from item');
    await client.end();
    assert.deepEqual(rows, [{ count: 1000 }]);
  } finally {
    await execute('stop.sh', `pg_ctl --pgdata "$DATA" --mode immediate --wait stop`, account?.name);
  }
});
