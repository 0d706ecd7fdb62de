import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheFolders } from '../config/cache-folder.ts';
import { pathFolders } from '../config/program-folders.ts';
import { HoldfastError } from '../core/errors.ts';
import { type ClientTools, findClientTools, installCommand } from '../engines/postgres/tools.ts';
import { buildFolder, publish, withLock } from './install-cache.ts';
import { type Progress, runInstaller } from './run-installer.ts';

const script = path.resolve(import.meta.dirname, '../../scripts/get-postgres.sh');

/** The suite of Debian that carries each major version; Debian never had 14 and 16 in a release. */
const suites: Readonly<Record<number, string>> = { 13: 'bullseye', 15: 'bookworm', 17: 'trixie', 18: 'sid' };

/** The folder whose `bin` holds an unpacked PostgreSQL of the major version, or undefined when none is in the cache. */
export function cachedPostgres(major: number): string | undefined {
  const found = cacheFolders()
    .map((cache) => path.join(cache, `postgres-${major}`))
    .find((folder) => existsSync(path.join(folder, 'bin/postgres')));
  return found && realpathSync(found);
}

/**
 * Unpacks PostgreSQL (server, client tools, contrib) into the cache, unless it is there, and resolves with its folder. Needs no root
 * and changes nothing outside the cache; takes 10 to 40 seconds. Rejects with `tool-missing` where it cannot: that is anywhere but on
 * Debian and what derives from it, on x86-64 and arm64.
 */
export async function installPostgres(major: number, progress: Progress): Promise<string> {
  const name = `postgres-${major}`;
  return (
    cachedPostgres(major) ??
    withLock(
      name,
      async () => cachedPostgres(major) ?? (await unpack(major, name, progress)),
      () => progress(`waiting for another process that installs PostgreSQL ${major}`),
    )
  );
}

/** The client tools of the server's major version: those that are there, or else installed now. */
export async function installClientTools(major: number, progress: Progress): Promise<ClientTools> {
  try {
    return await findClientTools(major);
  } catch (error) {
    const isAbsent = error instanceof HoldfastError && ['tool-missing', 'version-mismatch'].includes(error.code);
    if (!isAbsent) throw error;
  }
  await installPostgres(major, progress);
  return findClientTools(major);
}

async function unpack(major: number, name: string, progress: Progress): Promise<string> {
  const suite = suites[major];
  const obstacle = suite === undefined ? `Debian has no packages of PostgreSQL ${major}` : platformObstacle();
  if (suite === undefined || obstacle !== undefined) throw await missing(major, obstacle ?? '');
  progress(`unpacking PostgreSQL ${major} (once, about half a minute)`);
  const folder = buildFolder(name);
  try {
    await runInstaller('/bin/bash', [script, String(major), suite, folder], { label: `PostgreSQL ${major}`, progress });
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw await missing(major, cause instanceof Error ? cause.message : String(cause), cause);
  }
  publish(name, folder);
  return folder;
}

async function missing(major: number, reason: string, cause?: unknown): Promise<HoldfastError> {
  const hint = `install it by hand: ${await installCommand(major)}`;
  return new HoldfastError('tool-missing', `PostgreSQL '${major}' is not here and cannot be unpacked: ${reason}`, {
    hint,
    cause,
  });
}

function platformObstacle(): string | undefined {
  if (process.platform !== 'linux') return `there is no apt on ${process.platform}`;
  if (!['x64', 'arm64'].includes(process.arch)) return `no packages are known for ${process.arch}`;
  const isDebian = existsSync('/etc/debian_version') && readFileSync('/etc/os-release', 'utf8').includes('debian');
  const hasApt = ['apt-get', 'dpkg'].every((program) =>
    pathFolders().some((folder) => existsSync(path.join(folder, program))),
  );
  return isDebian && hasApt ? undefined : 'this system has no apt';
}
