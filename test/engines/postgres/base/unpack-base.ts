import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { serverAccount } from '../../../../lib/servers/server-account.ts';
import type { PostgresMajor } from '../../../../scripts/servers/postgres.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import type { Saved } from '../../saved-streams.ts';

const execute = promisify(execFile);

/** Unpacks a base backup with stock tar, its tablespaces in folders beside the data folder, and returns that one. */
export async function unpackBase(saved: ReadonlyMap<string, Saved>, folder: string): Promise<string> {
  const data = path.join(folder, 'data');
  makeFolder(folder);
  makeFolder(data);
  for (const { record, bytes } of saved.values()) {
    if (record.kind === 'backup-manifest') {
      writeFileSync(path.join(data, 'backup_manifest'), bytes);
      continue;
    }
    const oid = record.facts['oid'];
    const into = record.kind === 'cluster' ? data : path.join(folder, `tablespace-${oid}`);
    makeFolder(into);
    const archive = path.join(folder, `${record.stream}.tar`);
    writeFileSync(archive, bytes);
    await execute('tar', ['-xf', archive, '-C', into]);
    rmSync(archive);
  }
  for (const { record } of saved.values())
    if (record.kind === 'tablespace')
      symlinkSync(
        path.join(folder, `tablespace-${record.facts['oid']}`),
        path.join(data, 'pg_tblspc', String(record.facts['oid'])),
      );
  return data;
}

/** The folder as the account that runs test servers needs it. */
function makeFolder(folder: string): void {
  mkdirSync(folder, { mode: 0o700, recursive: true });
  const account = serverAccount();
  if (account) chownSync(folder, account.uid, account.gid);
}

/** A server on a copy of an unpacked backup, which recovers to the backup's end and writes from then on. */
export async function startUnpacked(data: string, major: PostgresMajor): Promise<PostgresServer> {
  // It says where the tablespaces were on the source, and the server would link to those.
  rmSync(path.join(data, 'tablespace_map'), { force: true });
  return postgresServer({ major, data });
}

/** Combines a base and what builds on it, oldest first, with PostgreSQL's own tool; returns the data folder. */
export async function combineBackups(binDir: string, chain: readonly string[], folder: string): Promise<string> {
  const data = path.join(folder, 'data');
  const oids = readdirSync(path.join(chain.at(-1) ?? '', 'pg_tblspc'));
  const mappings = oids.map((oid) => {
    const from = readlinkSync(path.join(chain.at(-1) ?? '', 'pg_tblspc', oid));
    return `--tablespace-mapping=${from}=${path.join(folder, `tablespace-${oid}`)}`;
  });
  await execute(path.join(binDir, 'pg_combinebackup'), [...chain, '-o', data, '--no-sync', ...mappings]);
  const account = serverAccount();
  if (account) await execute('chown', ['-R', `${account.uid}:${account.gid}`, folder]);
  return data;
}

/** PostgreSQL's own check of a backup: every file against the manifest, and the WAL. Rejects with what it finds wrong. */
export async function verifyBackup(binDir: string, data: string): Promise<string> {
  const { stdout } = await execute(path.join(binDir, 'pg_verifybackup'), [data]);
  return stdout.trim();
}
