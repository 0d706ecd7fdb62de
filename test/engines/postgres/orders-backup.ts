import { postgresEngine } from '../../../lib/engines/postgres/postgres-engine.ts';
import type { PostgresServer } from '../../servers/postgres.ts';
import { capture, type Saved } from '../saved-streams.ts';
import { contextFor, run, session, testTools } from './run-engine.ts';

export const engine = postgresEngine({ findTools: testTools });

/** Makes a database `orders` of 1001 items on the server, and gives a backup of it from when there were 1000. */
export async function backUpOrders(server: PostgresServer): Promise<Saved> {
  await run(server, 'postgres', 'create database orders');
  await run(server, 'orders', 'create table item as select n as id from generate_series(1, 1000) n');
  using context = contextFor(server, { connection: { databases: ['orders'] } });
  const orders = (await capture(engine, context)).get('orders') as Saved;
  await run(server, 'orders', 'insert into item values (1001)');
  return orders;
}

/** How many items there are. */
export async function rowsOf(server: PostgresServer, database: string): Promise<number> {
  await using client = await session(server, database);
  const { rows } = await client.query('select count(*)::int as count from item');
  return rows[0].count;
}
