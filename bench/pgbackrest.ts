import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { serverAccount } from '../lib/servers/server-account.ts';
import { ensurePgBackRest } from '../scripts/servers/pgbackrest.ts';
import type { PostgresServer } from '../test/servers/postgres.ts';
import type { S3Server } from '../test/servers/s3.ts';
import { toolEnvironment } from './bench-cluster.ts';
import type { Sample } from './bench-row.ts';
import { measureScript } from './measure-command.ts';

export type PgBackRest = {
  backup(type: 'full' | 'incr'): Promise<Sample>;
  /** What the repository took for the newest backup. */
  lastStoredBytes(): Promise<number>;
  /** Into an empty folder. */
  restore(into: string): Promise<Sample>;
  /** Archives a segment of the server's. */
  pushWal(file: string): Promise<Sample>;
  /** Each segment to that place, one after another, with more fetched ahead. What works ahead is not among the CPU seconds. */
  fetchWal(names: readonly string[], to: string): Promise<Sample>;
};

/**
 * pgBackRest with two processes, zstd at level 3 and its own encryption. It runs as the server's own account, on its machine, and sends over TLS to
 * a bucket of its own.
 */
export async function pgBackRest(server: PostgresServer, store: S3Server, folder: string): Promise<PgBackRest> {
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
  return {
    backup: (type) => measureScript({ script: `${command} --type=${type} backup`, env, serverData: server.dataDir }),
    async lastStoredBytes() {
      const { stdout } = await promisify(execFile)('bash', ['-c', `${command} --output=json info`], {
        env: { PATH: process.env['PATH'], ...env },
      });
      const [stanza] = JSON.parse(stdout) as { backup: { info: { repository: { delta: number } } }[] }[];
      return stanza?.backup.at(-1)?.info.repository.delta ?? Number.NaN;
    },
    async restore(into) {
      await mkdir(into, { mode: 0o700 });
      if (account) await chown(into, account.uid, account.gid);
      return measureScript({ script: `${command} --pg1-path="${into}" restore && sync -f "${into}"`, env });
    },
    pushWal: (file) => measureScript({ script: `${command} archive-push "${file}"`, env }),
    fetchWal: (names, to) =>
      measureScript({
        script: names.map((name) => `${command} --archive-async archive-get ${name} "${to}" || exit 1`).join('\n'),
        env,
      }),
  };
}
