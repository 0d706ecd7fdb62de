import type { EngineContext } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { checkRelations, type Examined, ownSchema } from './amcheck.ts';
import type { Connection } from './connection.ts';
import { inDatabase } from './in-database.ts';

/** What there is to say where nothing was looked at. */
export const notExamined: Examined = { relations: 0, problems: [], remarks: [] };

/** Goes through tables and indexes of the databases, catalogs left out, and leaves nothing behind in any. Needs a superuser. */
export async function examineStructures(
  context: Pick<EngineContext, 'progress' | 'signal'>,
  connection: Connection,
  databases: readonly string[],
): Promise<Examined> {
  let all = notExamined;
  for (const database of databases) {
    const one = await inDatabase(
      connection,
      database,
      async (client) => {
        const found = await checkRelations(client, (relation) => {
          if (context.signal.aborted) throw stopReason(context.signal, 'the check of structures');
          context.progress({ phase: 'amcheck', detail: `${database} ${relation}` });
        });
        await client.query(`drop schema if exists ${ownSchema} cascade`);
        return found;
      },
      // A database may have been set to take no writes.
      { settings: { default_transaction_read_only: 'off' } },
    );
    const say = (text: string): string => `database '${database}': ${text}`;
    all = {
      relations: all.relations + one.relations,
      problems: [...all.problems, ...one.problems.map(say)],
      remarks: [...all.remarks, ...one.remarks.map(say)],
    };
  }
  return all;
}
