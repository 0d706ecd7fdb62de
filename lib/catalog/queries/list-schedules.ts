import type { Client } from 'pg';
import type { SchedulesDeclared } from '../project-schedules.ts';

/** A schedule, as it was declared. */
export type DeclaredSchedule = SchedulesDeclared['schedules'][number];

/** The schedules that are declared now, by name. */
export async function listSchedules(client: Client): Promise<readonly DeclaredSchedule[]> {
  const { rows } = await client.query<DeclaredSchedule>(
    `select
       schedule_bk as "name",
       target,
       engine,
       method,
       tier,
       cron_expression as "cron",
       timezone,
       retention_days as "retentionDays",
       is_enabled as "enabled",
       tenant
     from backup_mgmt.backup_schedule_s
     left join holdfast.tenant using (tenant_hk)
     where load_end_date is null
     order by schedule_bk collate "C"`,
  );
  return rows;
}
