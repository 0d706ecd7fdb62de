import { execFileSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { embeddedPostgresFolders, namedPostgresFolders } from '../../config/program-folders.ts';
import { HoldfastError } from '../../core/errors.ts';
import { asAccount, type ServerAccount } from '../../servers/server-account.ts';
import type { FindTools } from './capture.ts';
import { newestMajor, usualFolders } from './tools.ts';

/** A PostgreSQL server that can be started here. Paths are absolute; `version` is like '17.6'. */
export type ServerPrograms = {
  readonly major: number;
  readonly version: string;
  readonly postgres: string;
  readonly initdb: string;
};

/**
 * The server of a backup's major version, or else of the nearest newer one, that the account can run and that has its client tools beside it
 * or elsewhere. Looks in `folders` (default: HOLDFAST_PG_BIN), the system's usual places, PATH, the cache, and at last the embedded server of
 * the local stack. Rejects with `tool-missing`, naming what to install.
 */
export async function findServerPrograms(
  wanted: number,
  options: {
    readonly account: ServerAccount | undefined;
    readonly findTools: FindTools;
    readonly folders?: readonly string[];
    readonly elsewhere?: (major: number) => readonly string[];
  },
): Promise<ServerPrograms> {
  const { account, findTools, folders = namedPostgresFolders(), elsewhere = usualPlaces } = options;
  for (let major = wanted; major <= newestMajor; major++) {
    for (const found of programsOf(major, { account, folders: [...folders, ...elsewhere(major)] }))
      if (await hasTools(findTools, major)) return found;
  }
  throw new HoldfastError('tool-missing', `no PostgreSQL server ${wanted} or newer, with its client tools, was found`, {
    hint: `install the server (on Debian and Ubuntu: sudo apt-get install postgresql-${wanted}), or set HOLDFAST_PG_BIN to the folder of its programs`,
  });
}

/**
 * The server of exactly that major version: a data directory is of one version. Rejects with `tool-missing`, naming what to install. Looks where
 * `findServerPrograms` does.
 */
export function findExactServer(
  major: number,
  {
    account,
    folders = namedPostgresFolders(),
    elsewhere = usualPlaces,
  }: {
    readonly account: ServerAccount | undefined;
    readonly folders?: readonly string[];
    readonly elsewhere?: (major: number) => readonly string[];
  },
): ServerPrograms {
  for (const found of programsOf(major, { account, folders: [...folders, ...elsewhere(major)] })) return found;
  throw new HoldfastError(
    'tool-missing',
    `no PostgreSQL server ${major} was found, and a data directory starts with its own major version only`,
    {
      hint: `install it (on Debian and Ubuntu: sudo apt-get install postgresql-${major}), or set HOLDFAST_PG_BIN to the folder of its programs`,
    },
  );
}

function* programsOf(
  major: number,
  { account, folders }: { readonly account: ServerAccount | undefined; readonly folders: readonly string[] },
): Generator<ServerPrograms> {
  for (const folder of new Set(folders)) {
    const found = inspectFolder(folder, account);
    if (found?.major === major) yield found;
  }
}

const usualPlaces = (major: number): readonly string[] => [...usualFolders(major), ...embeddedPostgresFolders()];

async function hasTools(findTools: FindTools, major: number): Promise<boolean> {
  try {
    await findTools(major);
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && ['tool-missing', 'version-mismatch'].includes(error.code)) return false;
    throw error;
  }
}

/** What a folder holds, or undefined when it lacks a server or the account cannot run it. */
function inspectFolder(folder: string, account: ServerAccount | undefined): ServerPrograms | undefined {
  const [postgres, initdb] = [path.join(folder, 'postgres'), path.join(folder, 'initdb')];
  if (!existsSync(postgres) || !existsSync(initdb)) return undefined;
  try {
    const printed = execFileSync(postgres, ['--version'], {
      ...asAccount(account),
      cwd: '/',
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 10_000,
    });
    const version = /\) (\d+(?:\.\d+|\w+)*)/.exec(printed)?.[1];
    if (version === undefined) return undefined;
    return {
      major: Number.parseInt(version, 10),
      version,
      postgres: realpathSync(postgres),
      initdb: realpathSync(initdb),
    };
  } catch {
    return undefined;
  }
}
