import type { PostgresMajor } from '../../../../scripts/servers/postgres.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { run, session } from '../run-engine.ts';

/** A server with a table `item` of 2,000 rows, `tables` beside it, and transactions that are prepared and not ended, by their names. */
export async function serverWithPrepared(
  major: PostgresMajor,
  { tables, prepared }: { readonly tables: string; readonly prepared: Readonly<Record<string, string>> },
): Promise<PostgresServer> {
  await using made = new AsyncDisposableStack();
  const server = made.use(
    await postgresServer({ major, settings: { max_prepared_transactions: '10', max_wal_senders: '4' } }),
  );
  await run(
    server,
    'postgres',
    `create table item (id int primary key, name text);
     insert into item select n, md5(n::text) from generate_series(1, 2000) n;
     ${tables}`,
  );
  for (const [name, statement] of Object.entries(prepared)) {
    await using client = await session(server, 'postgres');
    await client.query('begin');
    await client.query(statement);
    await client.query(`prepare transaction '${name}'`);
  }
  made.move();
  return server;
}
