import { HoldfastError } from '../../lib/core/errors.ts';
import { installPostgres } from '../../lib/local/install-postgres.ts';
import type { Progress } from '../../lib/local/run-installer.ts';
import { fromEnvironment, isProgram } from './find.ts';
import { ServerMissing } from './server-missing.ts';

/** The PostgreSQL majors that the tests run against. */
export const testedMajors = [15, 17, 18] as const;

export type PostgresMajor = (typeof testedMajors)[number];

/** The folder whose `bin` holds the server and all client tools of a major version; unpacked from Debian's packages when missing. */
export async function ensurePostgres(major: PostgresMajor, progress: Progress): Promise<string> {
  const variable = `HOLDFAST_TEST_PG${major}`;
  const named = fromEnvironment(variable, 'bin/postgres');
  if (named) return named;
  const system = `/usr/lib/postgresql/${major}`;
  if (['postgres', 'initdb', 'pg_dump', 'psql'].every((tool) => isProgram(`${system}/bin/${tool}`))) return system;
  try {
    return await installPostgres(major, progress);
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    const cures = [cause.hint, `or set ${variable} to a folder whose bin/ holds the server and its client tools`];
    throw new ServerMissing(`the test server PostgreSQL ${major} is missing: ${cause.message}`, cures, { cause });
  }
}
