import { execFile } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { asAccount, canRun, type ServerAccount } from '../../lib/local/server-account.ts';
import { buildFolder, cacheFolder, withLock } from '../../scripts/servers/cache.ts';

const execute = promisify(execFile);

export const testUser = 'postgres';
/** Every character here has broken a connection string or a password file somewhere. */
export const testPassword = 'pa:ss@w/or\\d%';

/** A folder with the programs that the account can run: `<root>/bin`, or a copy of the whole folder where it cannot look into it. */
export async function reachableBin(root: string, account: ServerAccount | undefined): Promise<string> {
  const bin = path.join(root, 'bin');
  if (canRun(path.join(bin, 'postgres'), account)) return bin;
  const name = `copy-${Buffer.from(root).toString('base64url')}`.slice(0, 200);
  const copy = path.join(cacheFolder(), name);
  await withLock(
    name,
    async () => {
      if (canRun(path.join(copy, 'bin/postgres'), account)) return;
      const building = buildFolder(name);
      await execute('cp', ['-a', `${root}/.`, building]);
      rmSync(copy, { recursive: true, force: true });
      renameSync(building, copy);
      const installer = path.resolve(import.meta.dirname, '../../scripts/servers/get-postgres.sh');
      if (existsSync(path.join(copy, 'lib/patchelf'))) await execute('/bin/bash', [installer, 'relocate', copy]);
    },
    () => {},
  );
  if (!canRun(path.join(copy, 'bin/postgres'), account)) {
    throw new Error(`'${account?.name}' can run neither '${bin}/postgres' nor a copy of it in '${copy}'`);
  }
  return path.join(copy, 'bin');
}

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
  return withLock(
    path.basename(template),
    async () => {
      if (!existsSync(template)) await initialise(binDir, template, account);
      return template;
    },
    () => {},
  );
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
