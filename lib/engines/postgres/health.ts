import type { Client } from 'pg';
import type { EngineContext, EngineHealth } from '../engine.ts';
import { connect, parseConnection } from './connection.ts';

type Facts = {
  readonly version: string;
  readonly isArchiving: boolean;
  readonly mayCount: boolean;
  readonly lastArchivedAt: string | null;
  readonly lastFailedAt: string | null;
};

/** Asked of a server that may be busy: whoever gets no answer in this time has his answer. */
const patienceSeconds = 15;

/** What one session finds out: the version, and how the server gets along with archiving its WAL. */
export async function serverHealth(context: EngineContext): Promise<EngineHealth> {
  const connection = parseConnection(context.connection);
  const client = await connect(connection, connection.maintenanceDatabase, {
    applicationName: 'holdfast-health',
    statementTimeoutSeconds: patienceSeconds,
    lockTimeoutSeconds: patienceSeconds,
  });
  try {
    return await ask(client, connection.user);
  } finally {
    await client.end();
  }
}

async function ask(client: Client, user: string): Promise<EngineHealth> {
  const { rows } = await client.query<Facts>(
    `select
       current_setting('server_version') as "version",
       current_setting('archive_mode') = 'always'
         or (current_setting('archive_mode') = 'on' and not pg_is_in_recovery()) as "isArchiving",
       has_function_privilege('pg_ls_archive_statusdir()', 'execute') as "mayCount",
       (select last_archived_time::text from pg_stat_archiver) as "lastArchivedAt",
       (select last_failed_time::text from pg_stat_archiver) as "lastFailedAt"`,
  );
  const [facts] = rows;
  if (facts === undefined) throw new Error('a query without from gave no row');
  const { version: serverVersion, isArchiving, mayCount, lastArchivedAt, lastFailedAt } = facts;
  if (!isArchiving) return { serverVersion, unarchivedWalFiles: null, note: 'the server archives no WAL' };
  if (!mayCount) {
    return {
      serverVersion,
      unarchivedWalFiles: null,
      note: `unarchived WAL is not known: grant pg_monitor to "${user}"`,
    };
  }
  const waiting = await client.query<{ files: number }>(
    `select count(*)::int as files from pg_ls_archive_statusdir() where name like '%.ready'`,
  );
  const isFailing = lastFailedAt !== null && (lastArchivedAt === null || lastFailedAt > lastArchivedAt);
  return {
    serverVersion,
    unarchivedWalFiles: waiting.rows[0]?.files ?? 0,
    ...(isFailing ? { note: `archiving fails since ${lastFailedAt}: see archive_command and the server's log` } : {}),
  };
}
