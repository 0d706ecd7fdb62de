import { execFile } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../lib/config/cache-folder.ts';
import { buildFolder, withLock } from '../../lib/local/install-cache.ts';
import { asAccount, type ServerAccount } from '../../lib/servers/server-account.ts';

const execute = promisify(execFile);

export const testUser = 'postgres';
/** Every character here has broken a connection string or a password file somewhere. */
export const testPassword = 'pa:ss@w/or\\d%';

/** A data folder as `initdb` leaves it, made once per version and account: copying takes a tenth of the time. */
export async function postgresTemplate(
  binDir: string,
  major: number,
  account: ServerAccount | undefined,
): Promise<string> {
  const { stdout } = await execute(path.join(binDir, 'postgres'), ['--version'], { ...asAccount(account), cwd: '/' });
  const version = /\d+\.\d+/.exec(stdout)?.[0] ?? String(major);
  const template = path.join(cacheFolder(), `initdb-${version}-${account?.name ?? process.getuid?.()}-v1`);
  if (existsSync(template)) return template;
  return withLock(path.basename(template), async () => {
    if (!existsSync(template)) await initialise(binDir, template, account);
    return template;
  });
}

async function initialise(binDir: string, template: string, account: ServerAccount | undefined): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-initdb-'));
  try {
    const passwordFile = path.join(folder, 'password');
    writeFileSync(passwordFile, `${testPassword}\n`, { mode: 0o600 });
    if (account) for (const file of [folder, passwordFile]) chownSync(file, account.uid, account.gid);
    const data = path.join(folder, 'data');
    const choices = ['--encoding=UTF8', '--locale=C.UTF-8', '--auth=scram-sha-256', '--data-checksums', '--no-sync'];
    await execute(path.join(binDir, 'initdb'), ['-D', data, '-U', testUser, `--pwfile=${passwordFile}`, ...choices], {
      ...asAccount(account),
      cwd: '/',
      env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    });
    const building = buildFolder(path.basename(template));
    await execute('cp', ['-a', data, building]);
    renameSync(path.join(building, 'data'), template);
    rmSync(building, { recursive: true, force: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
