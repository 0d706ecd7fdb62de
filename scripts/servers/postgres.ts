import { globSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../lib/core/errors.ts';
import { installPostgres } from '../../lib/local/install-postgres.ts';
import type { Progress } from '../../lib/local/run-installer.ts';
import { fromEnvironment, isProgram } from './find.ts';
import { ensurePythonPackages } from './python-packages.ts';
import { ServerMissing } from './server-missing.ts';

/** The PostgreSQL majors that the tests run against. No registry that Debian's packages or PyPI are reached by has a whole 14. */
export const testedMajors = [13, 15, 16, 17, 18] as const;

export type PostgresMajor = (typeof testedMajors)[number];

/** The folder whose `bin` holds the server and all client tools of a major version; unpacked from packages when missing. */
export async function ensurePostgres(major: PostgresMajor, progress: Progress): Promise<string> {
  const variable = `HOLDFAST_TEST_PG${major}`;
  const named = fromEnvironment(variable, 'bin/postgres');
  if (named) return named;
  const system = `/usr/lib/postgresql/${major}`;
  if (['postgres', 'initdb', 'pg_dump', 'psql'].every((tool) => isProgram(`${system}/bin/${tool}`))) return system;
  if (major === 16) return fromWheel(progress);
  try {
    return await installPostgres(major, progress);
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    const cures = [cause.hint, `or set ${variable} to a folder whose bin/ holds the server and its client tools`];
    throw new ServerMissing(`the test server PostgreSQL ${major} is missing: ${cause.message}`, cures, { cause });
  }
}

/** Debian never released 16. A wheel of PyPI has its server and client tools, and none of contrib. */
async function fromWheel(progress: Progress): Promise<string> {
  const environment = await ensurePythonPackages(['pgserver==0.1.4'], progress);
  const [found] = globSync('lib/python3*/site-packages/pgserver/pginstall', { cwd: environment });
  if (found !== undefined) return path.join(environment, found);
  throw new ServerMissing('the test server PostgreSQL 16 is missing: the wheel has no server', [
    'set HOLDFAST_TEST_PG16 to a folder whose bin/ holds the server and its client tools',
  ]);
}
