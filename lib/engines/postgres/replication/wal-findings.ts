import type { Client } from 'pg';
import * as z from 'zod';
import { walSchema } from '../../../config/targets/wal.ts';
import type { EngineContext, Probe } from '../../engine.ts';

type Finding = Probe['findings'][number];

const settingsSchema = z.object({ wal: walSchema });

/** What would keep the server's WAL from being received, or make that a danger to the server; nothing when it is not to be received. */
export async function walFindings({ options }: EngineContext, client: Client): Promise<readonly Finding[]> {
  const parsed = settingsSchema.safeParse(options);
  if (!parsed.success || !parsed.data.wal.receive) return [];
  const { rows } = await client.query<{
    user: string;
    mayReplicate: boolean;
    walLevel: string;
    senders: number;
    slots: number;
    keepMiB: number;
  }>(
    `select current_user as "user",
       (select rolreplication or rolsuper from pg_roles where rolname = current_user) as "mayReplicate",
       current_setting('wal_level') as "walLevel",
       current_setting('max_wal_senders')::int as "senders",
       current_setting('max_replication_slots')::int as "slots",
       (select setting::int from pg_settings where name = 'max_slot_wal_keep_size') as "keepMiB"`,
  );
  const [facts] = rows;
  if (facts === undefined) return [];
  const { user, mayReplicate, walLevel, senders, slots, keepMiB } = facts;
  const findings: Finding[] = [];
  if (!mayReplicate)
    findings.push({
      level: 'error',
      message: `user '${user}' may not receive WAL`,
      fix: `alter role "${user}" replication; and a line for replication in pg_hba.conf`,
    });
  if (walLevel === 'minimal' || senders === 0 || slots === 0)
    findings.push({
      level: 'error',
      message: `the server gives out no WAL: wal_level is ${walLevel}, max_wal_senders ${senders}, max_replication_slots ${slots}`,
      fix: "set wal_level to 'replica' and the others to 10, and restart the server",
    });
  if (keepMiB < 0)
    findings.push({
      level: 'warning',
      message: 'max_slot_wal_keep_size is -1: a receiver that is away for long fills the disk of the server',
      fix: "alter system set max_slot_wal_keep_size = '64GB' (what the disk can spare), then select pg_reload_conf()",
    });
  return findings;
}
