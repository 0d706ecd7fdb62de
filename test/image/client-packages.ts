import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { installPostgres } from '../../lib/local/install-postgres.ts';

const execute = promisify(execFile);
const programs = ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql'] as const;

/** What stands in a package for the client tools of its major version. */
const contents: Readonly<Record<number, (major: number, bin: string) => Promise<void>>> = {
  13: putVersion,
  14: putVersion,
  // 15 is not here: Debian bookworm has it, and the image gets that.
  16: putVersion,
  17: putTools,
  18: putTools,
};

/**
 * Writes packages `postgresql-client-<major>` into the folder, laid out as the PostgreSQL project's are: 17 and 18 with the tools that
 * Debian's later suites have, and their libraries; 13, 14 and 16 with programs that can tell their version and nothing else.
 */
export async function writeClientPackages(folder: string, architecture: string): Promise<void> {
  for (const [key, put] of Object.entries(contents)) {
    const major = Number(key);
    const root = path.join(folder, `${major}`);
    const bin = path.join(root, `usr/lib/postgresql/${major}/bin`);
    await mkdir(bin, { recursive: true, mode: 0o755 });
    await put(major, bin);
    await mkdir(path.join(root, 'DEBIAN'), { mode: 0o755 });
    await writeFile(path.join(root, 'DEBIAN/control'), controlOf(major, architecture));
    const file = path.join(folder, `postgresql-client-${major}.deb`);
    await execute('dpkg-deb', ['--build', '--root-owner-group', '-Znone', root, file]);
    await rm(root, { recursive: true });
  }
}

/** The control file of a package, in the order in which an index repeats it. */
export const controlOf = (major: number, architecture: string): string =>
  `Package: postgresql-client-${major}
Version: ${major}.0-1.stand-in
Architecture: ${architecture}
Maintainer: Holdfast tests <tests@localhost>
Description: stands in for the client tools of PostgreSQL ${major}
`;

export const packagedMajors: readonly number[] = Object.keys(contents).map(Number);

async function putVersion(major: number, bin: string): Promise<void> {
  for (const program of programs) {
    const file = path.join(bin, program);
    await writeFile(file, `#!/bin/sh\n[ "$1" = --version ] && echo "${program} (PostgreSQL) ${major}.0"\n`);
    await chmod(file, 0o755);
  }
}

/** The programs with the loader and the libraries of their own suite, which they find beside themselves wherever the package lies. */
async function putTools(major: number, bin: string): Promise<void> {
  const installed = await realpath(await installPostgres(major, () => {}));
  const { stdout } = await execute('find', [path.join(installed, 'lib'), '-name', 'ld-linux-*']);
  const loader = stdout.trim().split('\n')[0] ?? '';
  const theirs = path.dirname(loader);
  const ours = path.join(bin, '../libraries');
  await mkdir(ours, { mode: 0o755 });
  const needed = new Set([path.basename(loader)]);
  for (const program of programs) {
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
