import { existsSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { EngineContext } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import { checkRelations } from '../amcheck.ts';
import { type Connection, connect } from '../connection.ts';
import type { ServerPrograms } from '../server-programs.ts';
import type { DataFolder } from './data-folder.ts';
import { runProgram } from './run-program.ts';

export type Examined = {
  readonly relations: number;
  readonly problems: readonly string[];
  readonly remarks: readonly string[];
};
type Context = Pick<EngineContext, 'progress' | 'signal'>;

/** The databases of the cluster that take connections, template1 among them: it is where new ones come from. */
export async function databasesOf(connection: Connection): Promise<readonly string[]> {
  const client = await connect(connection, 'template1');
  try {
    const { rows } = await client.query<{ name: string }>(
      "select datname as name from pg_database where datallowconn and datname <> 'template0' order by datname",
    );
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** Where the check installs what it needs, in a database that lacks it. */
const ownSchema = 'holdfast_amcheck';

/** Goes through tables and indexes of every database, catalogs left out, and leaves nothing behind in any. */
export async function examineStructures(context: Context, connection: Connection): Promise<Examined> {
  let all: Examined = { relations: 0, problems: [], remarks: [] };
  for (const database of await databasesOf(connection)) {
    // A database may have been set to take no writes.
    const client = await connect(connection, database, { settings: { default_transaction_read_only: 'off' } });
    try {
      const one = await checkRelations(client, (relation) => {
        if (context.signal.aborted) throw stopReason(context.signal, 'the recovery');
        context.progress({ phase: 'amcheck', detail: `${database} ${relation}` });
      });
      const say = (text: string): string => `database '${database}': ${text}`;
      all = {
        relations: all.relations + one.relations,
        problems: [...all.problems, ...one.problems.map(say)],
        remarks: [...all.remarks, ...one.remarks.map(say)],
      };
      await client.query(`drop schema if exists ${ownSchema} cascade`);
    } finally {
      await client.end();
    }
  }
  return all;
}

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
  return { problems: bad.slice(0, 5).map((line) => line.replace(/^.*?error: /, '')), remarks: [] };
}
