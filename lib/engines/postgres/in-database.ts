import type { Client } from 'pg';
import { type Connection, connect } from './connection.ts';

/** What `work` gives with a session on that database, which is ended whatever happens. */
export async function inDatabase<Result>(
  connection: Connection,
  database: string,
  work: (client: Client) => Promise<Result>,
  options: Parameters<typeof connect>[2] = {},
): Promise<Result> {
  const client = await connect(connection, database, options);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
