import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Saved } from '../../saved-streams.ts';

const execute = promisify(execFile);

/** Unpacks a base backup with stock tar, its tablespaces in folders beside the data folder, and returns that one. */
export async function unpackBase(saved: ReadonlyMap<string, Saved>, folder: string): Promise<string> {
  const data = path.join(folder, 'data');
  mkdirSync(data, { mode: 0o700, recursive: true });
  for (const { record, bytes } of saved.values()) {
    if (record.kind === 'backup-manifest') {
      writeFileSync(path.join(data, 'backup_manifest'), bytes);
      continue;
    }
    const oid = record.facts['oid'];
    const into = record.kind === 'cluster' ? data : path.join(folder, `tablespace-${oid}`);
    mkdirSync(into, { mode: 0o700, recursive: true });
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

/** PostgreSQL's own check of a backup: every file against the manifest, and the WAL. Rejects with what it finds wrong. */
export async function verifyBackup(binDir: string, data: string): Promise<string> {
  const { stdout } = await execute(path.join(binDir, 'pg_verifybackup'), [data]);
  return stdout.trim();
}
