import { execFile } from 'node:child_process';
import { access, constants, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolders } from '../../config/cache-folder.ts';
import { namedPostgresFolders, pathFolders, programEnvironment } from '../../config/program-folders.ts';
import { HoldfastError } from '../../core/errors.ts';

/** The client tools of one major version, all from one folder. Paths are absolute; `version` is like '17.6'. */
export type ClientTools = {
  readonly major: number;
  readonly version: string;
  readonly pgDump: string;
  readonly pgDumpall: string;
  readonly pgRestore: string;
  readonly psql: string;
};

const programs = ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql'] as const;
const oldestMajor = 13;
export const newestMajor = 18;

/**
 * The client tools of exactly the server's major version. An older pg_dump refuses the server, and a newer one writes archives and SQL
 * that the server's own pg_restore may not read, so the one that the operator would use by hand is the one that is used here.
 *
 * Looks in `folders` (default: HOLDFAST_PG_BIN), the system's usual places, PATH, and the cache. Rejects with `version-mismatch` when
 * there are only tools of other majors or the server is not of a supported one, and with `tool-missing` when there are none.
 */
export async function findClientTools(
  major: number,
  options: { readonly folders?: readonly string[]; readonly elsewhere?: readonly string[] } = {},
): Promise<ClientTools> {
  if (!Number.isInteger(major) || major < oldestMajor || major > newestMajor) {
    throw new HoldfastError(
      'version-mismatch',
      `the server is PostgreSQL '${major}', and the supported major versions are ${oldestMajor} to ${newestMajor}`,
      { hint: 'is there a newer Holdfast that knows this version?' },
    );
  }
  const folders = [...(options.folders ?? namedPostgresFolders()), ...(options.elsewhere ?? usualFolders(major))];
  const others: string[] = [];
  for (const folder of new Set(folders)) {
    const found = await inspectFolder(folder);
    if (found?.major === major) return found;
    if (found) others.push(`${found.version} in '${folder}'`);
  }
  const command = await installCommand(major);
  if (others.length > 0) {
    throw new HoldfastError(
      'version-mismatch',
      `the server is PostgreSQL '${major}', and only client tools of other versions were found: ${others.join(', ')}`,
      { hint: `install those of the server's major version (${command}), or set HOLDFAST_PG_BIN to their folder` },
    );
  }
  throw new HoldfastError('tool-missing', `the client tools of PostgreSQL '${major}' were not found`, {
    hint: `install them (${command}), or set HOLDFAST_PG_BIN to their folder`,
  });
}

/** Where the programs of a major version are on systems that have them. */
export function usualFolders(major: number): readonly string[] {
  return [
    `/usr/lib/postgresql/${major}/bin`,
    `/usr/pgsql-${major}/bin`,
    `/usr/libexec/postgresql${major}`,
    `/opt/homebrew/opt/postgresql@${major}/bin`,
    `/usr/local/opt/postgresql@${major}/bin`,
    ...pathFolders(),
    ...cacheFolders().map((cache) => path.join(cache, `postgres-${major}`, 'bin')),
  ];
}

/** What a folder holds, or undefined when it lacks one of the programs or they are of different versions. */
async function inspectFolder(folder: string): Promise<ClientTools | undefined> {
  try {
    const resolvedFolder = await realpath(folder);
    const paths = programs.map((program) => path.join(resolvedFolder, program));
    for (const file of paths) await access(file, constants.X_OK);
    // Debian's wrapper runs the tools of whichever version it sees fit at that moment; the real ones are found without it.
    if (path.basename(await realpath(path.join(resolvedFolder, 'pg_dump'))) === 'pg_wrapper') return undefined;
    const versions = await Promise.all(paths.map(versionOf));
    const [version] = versions;
    if (version === undefined || versions.some((other) => other !== version)) return undefined;
    const [pgDump = '', pgDumpall = '', pgRestore = '', psql = ''] = paths;
    return { major: Number.parseInt(version, 10), version, pgDump, pgDumpall, pgRestore, psql };
  } catch {
    return undefined;
  }
}

/** '17.6' of "pg_dump (PostgreSQL) 17.6 (Debian 17.6-1)"; '18beta1' of a beta. */
async function versionOf(program: string): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)(program, ['--version'], { env: programEnvironment(), timeout: 10_000 });
  return /\) (\d+(?:\.\d+|\w+)*)/.exec(stdout)?.[1];
}

/** The command that installs the client tools on this platform, for a person to run. */
export async function installCommand(
  major: number,
  platform: { readonly os: NodeJS.Platform; readonly release: string } | undefined = undefined,
): Promise<string> {
  const os = platform?.os ?? process.platform;
  if (os === 'darwin') return `brew install postgresql@${major}`;
  if (os === 'win32') return `winget install PostgreSQL.PostgreSQL.${major}`;
  const release = platform?.release ?? (await readFile('/etc/os-release', 'utf8').catch(() => ''));
  const families = [...release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap(
    (match) => match[1]?.split(' ') ?? [],
  );
  const command = families.map((family) => linuxCommands[family]).find((known) => known !== undefined);
  return command?.(major) ?? `see https://www.postgresql.org/download/linux for postgresql-client-${major}`;
}

const debianCommand = (major: number) =>
  `sudo apt-get install -y postgresql-common && sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && sudo apt-get install -y postgresql-client-${major}`;

const redHatCommand = (major: number) => `sudo dnf install -y postgresql${major}, from https://yum.postgresql.org`;

const linuxCommands: Readonly<Record<string, (major: number) => string>> = {
  debian: debianCommand,
  ubuntu: debianCommand,
  fedora: redHatCommand,
  rhel: redHatCommand,
  amzn: (major) => `sudo dnf install -y postgresql${major}`,
  alpine: (major) => `sudo apk add postgresql${major}-client`,
};
