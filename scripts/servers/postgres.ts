import { rmSync } from 'node:fs';
import path from 'node:path';
import { buildFolder, publish, ServerMissing, withLock } from './cache.ts';
import { fromCache, fromEnvironment, fromPath, isProgram, type Progress } from './find.ts';
import { run } from './run.ts';

/** The PostgreSQL majors that the tests run against, with the Debian suite that has each. */
export const postgresSuites = { 15: 'bookworm', 17: 'trixie', 18: 'sid' } as const;

export type PostgresMajor = keyof typeof postgresSuites;

const installer = path.resolve(import.meta.dirname, 'get-postgres.sh');

/** The folder whose `bin` holds the server and all client tools of a major version; unpacked from Debian's packages when missing. */
export async function ensurePostgres(major: PostgresMajor, progress: Progress): Promise<string> {
  const named = fromEnvironment(`HOLDFAST_TEST_PG${major}`, 'bin/postgres');
  if (named) return named;
  const system = `/usr/lib/postgresql/${major}`;
  if (['postgres', 'initdb', 'pg_dump', 'psql'].every((tool) => isProgram(`${system}/bin/${tool}`))) return system;
  const name = `postgres-${major}`;
  const cached = () => fromCache(name, 'bin/postgres');
  return (
    cached() ??
    withLock(
      name,
      async () => cached() ?? install(major, name, progress),
      () => progress(`waiting for another process that installs PostgreSQL ${major}`),
    )
  );
}

async function install(major: PostgresMajor, name: string, progress: Progress): Promise<string> {
  const cures = [
    `install the server and client tools of PostgreSQL ${major} (Debian and Ubuntu: apt install postgresql-${major})`,
    `or set HOLDFAST_TEST_PG${major} to a folder whose bin/ holds them`,
  ];
  if (!fromPath('apt-get') || !fromPath('dpkg')) {
    throw new ServerMissing(`PostgreSQL ${major} is not installed, and there is no apt to unpack it with`, cures);
  }
  progress(`unpacking PostgreSQL ${major} (once, about half a minute)`);
  const folder = buildFolder(name);
  try {
    await run('/bin/bash', [installer, String(major), postgresSuites[major], folder], { label: name, progress });
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw new ServerMissing(`unpacking PostgreSQL ${major} failed`, cures, { cause });
  }
  publish(name, folder);
  return folder;
}
