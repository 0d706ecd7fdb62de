import type { Client } from 'pg';

/** What `work` gives, when all of it is committed; nothing of it stays when it rejects. */
export async function inTransaction<Result>(client: Client, work: () => Promise<Result>): Promise<Result> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    // On a broken connection the rollback fails too, and the server has rolled back by itself.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
