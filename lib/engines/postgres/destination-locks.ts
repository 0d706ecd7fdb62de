import type { Client } from 'pg';
import { type Connection, connect } from './connection.ts';
import { hashOf } from './work-databases.ts';

/** The right to restore into a destination, held until `end`, or until this process is gone, however it went. */
export type DestinationLocks = {
  /** Whether the right was to be had. */
  take(destination: string): Promise<boolean>;
  takeHash(hash: string): Promise<boolean>;
  end(): Promise<void>;
};

/**
 * Advisory locks are known in one database only, so every restore on a server takes its locks in the same one, whichever it uses for
 * questions: `postgres`, or the oldest that takes connections.
 */
const placeQuery = `
select datname as name
  from pg_database
 where datallowconn and not datistemplate and datname not like 'holdfast-re%' and has_database_privilege(oid, 'connect')
 order by datname <> 'postgres', oid
 limit 1`;

/** A session of its own for the locks, found by asking `admin`. */
export async function openDestinationLocks(connection: Connection, admin: Client): Promise<DestinationLocks> {
  const { rows } = await admin.query<{ name: string }>(placeQuery);
  const client = await connect(connection, rows[0]?.name ?? admin.database ?? '', {
    applicationName: 'holdfast locks',
  });
  const takeHash = async (hash: string): Promise<boolean> => {
    const { rows: answers } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1::bigint) as held', [
      BigInt.asIntN(64, BigInt(`0x${hash}`)).toString(),
    ]);
    return answers[0]?.held === true;
  };
  return {
    take: (destination) => takeHash(hashOf(destination)),
    takeHash,
    async end() {
      await client.end().catch(() => {});
    },
  };
}
