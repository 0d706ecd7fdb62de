import { chownSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { serverAccount } from '../../../../lib/servers/server-account.ts';
import type { PostgresMajor } from '../../../../scripts/servers/postgres.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { until } from '../../../until.ts';
import { capture } from '../../saved-streams.ts';
import { contextFor, session } from '../run-engine.ts';
import { unpackBase } from './unpack-base.ts';

/** A hot standby of the primary, made from a base backup of it in `folder`; it has caught up when this returns. */
export async function standbyOf(
  primary: PostgresServer,
  { major, folder }: { readonly major: PostgresMajor; readonly folder: string },
): Promise<PostgresServer> {
  using context = contextFor(primary);
  const data = await unpackBase(await capture(postgresEngine(), context, { method: 'base', format: 'base' }), folder);
  const passwordFile = path.join(folder, 'pgpass');
  writeFileSync(passwordFile, `*:*:*:*:${primary.password.replaceAll(/[\\:]/g, '\\$&')}\n`, { mode: 0o600 });
  writeFileSync(path.join(data, 'standby.signal'), '');
  const account = serverAccount();
  if (account)
    for (const file of [passwordFile, path.join(data, 'standby.signal')]) chownSync(file, account.uid, account.gid);
  const conninfo = `host=${primary.host} port=${primary.port} user=${primary.user} passfile=${passwordFile}`;
  const standby = await postgresServer({ major, data, settings: { primary_conninfo: conninfo, hot_standby: 'on' } });
  await caughtUp(primary, standby);
  return standby;
}

/** Resolves when the standby has replayed what the primary has written until now. */
export async function caughtUp(primary: PostgresServer, standby: PostgresServer): Promise<void> {
  await using ofPrimary = await session(primary, 'postgres');
  // Flushes all before it: what stands in the server's memory alone is sent to nobody.
  await ofPrimary.query('set synchronous_commit = on');
  await ofPrimary.query(`select pg_logical_emit_message(true, 'holdfast', 'caught up?')`);
  const { rows } = await ofPrimary.query<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn');
  await using ofStandby = await session(standby, 'postgres');
  const isThere = 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as there';
  await until(
    async () => (await ofStandby.query<{ there: boolean }>(isThere, [rows[0]?.lsn])).rows[0]?.there,
    'the standby to catch up',
  );
}
