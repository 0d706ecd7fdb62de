import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The account that a database server runs as when this process is root. PostgreSQL refuses to run as root. */
export type ServerAccount = { readonly name: string; readonly uid: number; readonly gid: number };

const candidates = ['postgres', 'nobody'];

/** The unprivileged account to run servers as, or undefined when this process is unprivileged itself. Source: /etc/passwd. */
export function serverAccount(): ServerAccount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const rows = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of candidates) {
    const row = rows.find((fields) => fields[0] === name);
    if (row) return { name, uid: Number(row[2]), gid: Number(row[3]) };
  }
  // The conventional unprivileged ids exist on every kernel, whether or not a row names them.
  return { name: 'nobody', uid: 65534, gid: 65534 };
}

/** The options of `spawn` that make a child run as the account; empty for undefined. */
export function asAccount(account: ServerAccount | undefined): { readonly uid?: number; readonly gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

/**
 * Whether the account can run the program, found by running it with `--version`. A file may be readable while a folder above it
 * (a clone below /root, mode 0700) is closed to everyone else.
 */
export function canRun(program: string, account: ServerAccount | undefined): boolean {
  const run = spawnSync(program, ['--version'], { ...asAccount(account), cwd: '/', stdio: 'ignore' });
  return run.status === 0;
}
