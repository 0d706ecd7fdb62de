import type { Client } from 'pg';

/** Waits until no other transaction applies events of this operation; the lock goes with the transaction. */
export async function lockOperation(client: Client, operation: string): Promise<void> {
  await client.query("select pg_advisory_xact_lock(hashtextextended('holdfast:' || $1::text, 0))", [operation]);
}
