import { existsSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { EngineContext } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import type { Examined } from '../amcheck.ts';
import type { Connection } from '../connection.ts';
import { examineStructures } from '../examine-structures.ts';
import { inDatabase } from '../in-database.ts';
import type { ServerPrograms } from '../server-programs.ts';
import type { DataFolder } from './data-folder.ts';
import { runProgram } from './run-program.ts';

type Context = Pick<EngineContext, 'progress' | 'signal'>;

/** The databases of the cluster that take connections, template1 among them: it is where new ones come from. */
export const databasesOf = (connection: Connection): Promise<readonly string[]> =>
  inDatabase(connection, 'template1', async (client) => {
    const { rows } = await client.query<{ name: string }>(
      "select datname as name from pg_database where datallowconn and datname <> 'template0' order by datname",
    );
    return rows.map(({ name }) => name);
  });

/** Goes through tables and indexes of all of them, as `examineStructures` does. */
export const examineDatabases = async (context: Context, connection: Connection): Promise<Examined> =>
  examineStructures(context, connection, await databasesOf(connection));

/** Holds every page of a stopped cluster against its checksum, where the cluster has them and the program is there. */
export async function examineChecksums(
  context: Context,
  {
    programs,
    data,
    checksums,
  }: { readonly programs: ServerPrograms; readonly data: DataFolder; readonly checksums: boolean },
): Promise<Omit<Examined, 'relations'>> {
  if (!checksums) return { problems: [], remarks: ['the cluster has no page checksums, so none were checked'] };
  const program = path.join(path.dirname(programs.postgres), 'pg_checksums');
  if (!existsSync(program))
    return { problems: [], remarks: ['pg_checksums is not here: page checksums were not checked'] };
  context.progress({ phase: 'checksums' });
  const { code, stdout, stderr } = await runProgram({
    program,
    args: ['--check', '--pgdata', data.path],
    account: data.account,
    signal: context.signal,
  });
  if (code === 0) return { problems: [], remarks: [] };
  if (context.signal.aborted) throw stopReason(context.signal, 'the recovery');
  const bad = stderr.split('\n').filter((line) => /checksum verification failed/.test(line));
  if (bad.length === 0)
    throw new HoldfastError('restore-failed', `pg_checksums ended with ${code}: ${(stderr || stdout).slice(-500)}`);
  return { problems: bad.map((line) => line.replace(/^.*?error: /, '')), remarks: [] };
}
