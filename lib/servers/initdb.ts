import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { asAccount, type ServerAccount } from './server-account.ts';

/**
 * Fills the empty folder with a new PostgreSQL cluster: UTF-8, collation C (the one that every platform has), superuser `postgres`, and trust
 * for the socket alone, whose folder has to be private. With a password TCP lets in who knows it; without one, nobody.
 */
export async function initialise(options: {
  readonly initdb: string;
  readonly folder: string;
  /** @default - none: no way in but the socket */
  readonly password?: string;
  readonly account: ServerAccount | undefined;
  /** Must it survive a crash of the machine? @default true */
  readonly isDurable?: boolean;
}): Promise<void> {
  const { account, password, isDurable = true } = options;
  const scratch = mkdtempSync(path.join(tmpdir(), 'holdfast-initdb-'));
  try {
    const choices = ['--username=postgres', '--encoding=UTF8', '--locale=C', '--data-checksums', '--auth-local=trust'];
    if (!isDurable) choices.push('--no-sync');
    if (password === undefined) choices.push('--auth-host=reject');
    else {
      const passwordFile = path.join(scratch, 'password');
      writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
      if (account) for (const file of [scratch, passwordFile]) chownSync(file, account.uid, account.gid);
      choices.push('--auth-host=scram-sha-256', `--pwfile=${passwordFile}`);
    }
    await promisify(execFile)(options.initdb, ['--pgdata', options.folder, ...choices], {
      ...asAccount(account),
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
