import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { installPostgres } from '../../lib/local/install-postgres.ts';

const execute = promisify(execFile);
const programs = ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql'] as const;
const serverPrograms = ['postgres', 'initdb'] as const;

/** What a package of the archive holds: the client tools alone, or the server with them. */
export type PackageKind = 'postgresql-client' | 'postgresql';

/** What stands in a package for the client tools of its major version. */
const contents: Readonly<Record<number, (major: number, bin: string, kind: PackageKind) => Promise<void>>> = {
  13: putVersion,
  14: putVersion,
  // 15 is not here: Debian bookworm has it, and the image gets that.
  16: putVersion,
  17: putTools,
  18: putTools,
};

/**
 * Writes packages `<kind>-<major>` into the folder, laid out as the PostgreSQL project's are: 17 and 18 with what Debian's later suites
 * have, and the libraries it needs; 13, 14 and 16 with programs that can tell their version and nothing else.
 */
export async function writePackages(folder: string, architecture: string, kind: PackageKind): Promise<void> {
  for (const [key, put] of Object.entries(contents)) {
    const major = Number(key);
    const root = path.join(folder, `${major}`);
    const bin = path.join(root, `usr/lib/postgresql/${major}/bin`);
    await mkdir(bin, { recursive: true, mode: 0o755 });
    await put(major, bin, kind);
    await mkdir(path.join(root, 'DEBIAN'), { mode: 0o755 });
    await writeFile(path.join(root, 'DEBIAN/control'), controlOf(major, architecture, kind));
    const file = path.join(folder, `${kind}-${major}.deb`);
    await execute('dpkg-deb', ['--build', '--root-owner-group', '-Znone', root, file]);
    await rm(root, { recursive: true });
  }
}

/** The control file of a package, in the order in which an index repeats it. */
export const controlOf = (major: number, architecture: string, kind: PackageKind): string =>
  `Package: ${kind}-${major}
Version: ${major}.0-1.stand-in
Architecture: ${architecture}
Maintainer: Holdfast tests <tests@localhost>
Description: stands in for ${kind} of PostgreSQL ${major}
`;

export const packagedMajors: readonly number[] = Object.keys(contents).map(Number);

const programsOf = (kind: PackageKind): readonly string[] =>
  kind === 'postgresql' ? [...programs, ...serverPrograms] : programs;

async function putVersion(major: number, bin: string, kind: PackageKind): Promise<void> {
  for (const program of programsOf(kind)) {
    const file = path.join(bin, program);
    await writeFile(file, `#!/bin/sh\n[ "$1" = --version ] && echo "${program} (PostgreSQL) ${major}.0"\n`);
    await chmod(file, 0o755);
  }
}

/** What a server has beside its programs: its libraries, its extensions, and what initdb reads. */
async function putServer(major: number, bin: string, installed: string): Promise<void> {
  const usr = path.join(bin, '../../../..');
  const share = path.join(usr, 'share/postgresql');
  await mkdir(share, { recursive: true, mode: 0o755 });
  await execute('cp', ['-R', path.join(installed, 'lib/postgresql', String(major), 'lib'), path.join(bin, '..')]);
  await execute('cp', ['-R', path.join(installed, 'share/postgresql', String(major)), share]);
}

/** The programs with the loader and the libraries of their own suite, which they find beside themselves wherever the package lies. */
async function putTools(major: number, bin: string, kind: PackageKind): Promise<void> {
  const installed = await realpath(await installPostgres(major, () => {}));
  if (kind === 'postgresql') await putServer(major, bin, installed);
  const { stdout } = await execute('find', [path.join(installed, 'lib'), '-name', 'ld-linux-*']);
  const loader = stdout.trim().split('\n')[0] ?? '';
  const theirs = path.dirname(loader);
  const ours = path.join(bin, '../libraries');
  await mkdir(ours, { mode: 0o755 });
  const needed = new Set([path.basename(loader)]);
  for (const program of programsOf(kind)) {
    const source = await realpath(path.join(installed, 'bin', program));
    const target = path.join(bin, program);
    await copyFile(source, target);
    await patch([
      ...['--set-interpreter', `/usr/lib/postgresql/${major}/libraries/${path.basename(loader)}`],
      ...['--force-rpath', '--set-rpath', '$ORIGIN/../libraries', target],
    ]);
    const { stdout: list } = await execute(loader, ['--library-path', theirs, '--list', source]);
    for (const [, library = ''] of list.matchAll(/=> \S*\/(\S+) \(/g)) needed.add(library);
  }
  for (const library of needed) await copyFile(path.join(theirs, library), path.join(ours, library));
  await chmod(path.join(ours, path.basename(loader)), 0o755);

  async function patch(args: readonly string[]): Promise<void> {
    await execute(loader, ['--library-path', theirs, path.join(theirs, 'patchelf'), ...args]);
  }
}
