import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../config/cache-folder.ts';
import { HoldfastError } from '../core/errors.ts';
import { canRun, type ServerAccount } from '../servers/server-account.ts';
import { buildFolder, withLock } from './install-cache.ts';

const execute = promisify(execFile);
const installer = path.resolve(import.meta.dirname, '../../scripts/get-postgres.sh');

/**
 * A PostgreSQL installation that the account can run: the given folder, or a copy of it in the cache when a folder above it is closed
 * to the account (a clone below /root). The copy is made once per folder and version of its server.
 */
export async function reachableCopy(installation: string, account: ServerAccount | undefined): Promise<string> {
  const server = path.join(installation, 'bin/postgres');
  if (canRun(server, account)) return installation;
  if (account === undefined) throw new HoldfastError('tool-missing', `'${server}' does not run on this system`);
  const { stdout } = await execute(server, ['--version']).catch(() => ({ stdout: '' }));
  const name = `copy-${createHash('sha256').update(`${installation}\n${stdout}`).digest('hex').slice(0, 16)}`;
  const copy = path.join(cacheFolder(), name);
  const program = path.join(copy, 'bin/postgres');
  if (canRun(program, account)) return copy;
  await withLock(name, async () => {
    if (canRun(program, account)) return;
    const building = buildFolder(name);
    await execute('cp', ['-R', '-p', `${installation}/.`, building]);
    await execute('chmod', ['755', building]);
    rmSync(copy, { recursive: true, force: true });
    renameSync(building, copy);
    // What get-postgres.sh unpacked holds the path of its loader.
    const isUnpacked = globSync(path.join(copy, 'lib/*/patchelf')).length > 0;
    if (isUnpacked) await execute('/bin/bash', [installer, 'relocate', copy]);
  });
  if (canRun(program, account)) return copy;
  throw new HoldfastError(
    'tool-missing',
    `the account '${account.name}' can run neither '${server}' nor '${program}'`,
    {
      hint: 'set HOLDFAST_CACHE to a folder that every account can look into',
    },
  );
}
