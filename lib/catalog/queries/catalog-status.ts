import type { Client } from 'pg';
import { programVersion } from '../migrate.ts';

/** Is the catalog there, of which version, and how much does it hold? */
export type CatalogStatus = {
  readonly serverVersion: string;
  readonly schemaVersion: number;
  readonly programVersion: number;
  readonly events: number;
  readonly backups: number;
  readonly recoveries: number;
  readonly schedules: number;
};

export async function catalogStatus(client: Client): Promise<CatalogStatus> {
  const { rows } = await client.query<Omit<CatalogStatus, 'programVersion'>>(
    `select
       current_setting('server_version') as "serverVersion",
       (select coalesce(max(version), 0)::int from holdfast.migration) as "schemaVersion",
       (select count(*) from holdfast.applied_event) as "events",
       (select count(*) from backup_mgmt.backup_execution_h) as "backups",
       (select count(*) from backup_mgmt.recovery_operation_h) as "recoveries",
       (select count(*) from backup_mgmt.backup_schedule_s where load_end_date is null) as "schedules"`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('a query without from gave no row');
  return { ...row, programVersion };
}
