import type { Client } from 'pg';

/**
 * Fills a catalog with a year of 50 targets: `executions` backups with three rows of history each, one in twenty failed, every fifth
 * incremental; five tenants with two targets each; 150 schedules; a recovery for every hundred backups; a request by SQL for every fifty; and the audit
 * trail of all that. The same on every day, relative to now().
 */
export async function fillCatalog(owner: Client, executions: number): Promise<void> {
  for (const statement of fill.split(';\n')) await owner.query(statement.replaceAll('$executions', String(executions)));
  await owner.query('set default_statistics_target = 1000');
  await owner.query('vacuum analyze');
  await owner.query('reset default_statistics_target');
}

const fill = `
  insert into holdfast.installation values (true, 's3', 's3://vault/', 'zstd', array['backup', 'restore', 'recovery', 'restore-test', 'cleanup'], 'test');
  insert into holdfast.target
  select 'target-' || n, 'postgres', case when n < 10 then sha256(convert_to('tenant-' || n / 2, 'UTF8')) end, array['logical'], array[]::text[]
  from generate_series(0, 49) as n;
  insert into holdfast.tenant select sha256(convert_to('tenant-' || n, 'UTF8')), 'tenant-' || n from generate_series(0, 4) as n;
  insert into holdfast.tenant_role values ('tenant_app', 'tenant-1');

  create temporary table run as
  select
    n, backup_bk, sha256(convert_to(backup_bk, 'UTF8')) as backup_hk, began, 'target-' || n % 50 as target,
    case when n % 50 < 10 then sha256(convert_to('tenant-' || n % 50 / 2, 'UTF8')) end as tenant_hk,
    case when n % 7 = 0 then 'weekly' when n % 31 = 0 then 'monthly' else 'daily' end as tier,
    n % 20 = 3 as is_failed, n % 5 = 4 as is_incremental, (n % 90 + 10) * interval '5 seconds' as took
  from generate_series(1, $executions) as n
  cross join lateral (select date_trunc('milliseconds', now()) - n * (interval '365 days' / $executions) as began) as time
  cross join lateral (select to_char(began, 'YYYYMMDD"T"HH24MISS"Z"-') || lpad(to_hex(n), 8, '0') as backup_bk) as name;

  insert into backup_mgmt.backup_execution_h
  select backup_hk, backup_bk, tenant_hk, date_trunc('second', began), 'journal/' || backup_bk || '/' from run order by n desc;

  insert into backup_mgmt.backup_execution_s (
    backup_hk, backup_bk, tenant_hk, target, engine, method, tier, backup_type, scheduled_time, requested_by_kind, requested_by_name,
    execution, backup_status, backup_start_time, backup_end_time, backup_duration_seconds, backup_size_bytes, compressed_size_bytes,
    compression_ratio, verification_status, error_code, error_message, error_hint, storage_location, storage_type, retention_until,
    fencing_token, load_date, load_end_date, record_source
  )
  select
    backup_hk, backup_bk, tenant_hk, target, 'postgres', 'logical', tier, case when is_incremental then 'INCREMENTAL' else 'FULL' end, began,
    'schedule', target || '-' || tier || '-logical', target || '-backup-' || backup_bk,
    case stage when 0 then 'REQUESTED' when 1 then 'RUNNING' else case when is_failed then 'FAILED' else 'COMPLETED' end end,
    began, case stage when 2 then began + took end, case stage when 2 then extract(epoch from took) end,
    case when stage = 2 and not is_failed then 1e9 + n * 1000 end, case when stage = 2 and not is_failed then 2.5e8 + n * 100 end,
    case when stage = 2 and not is_failed then 4 end, case when stage = 2 and not is_failed then 'VALIDATED' else 'PENDING' end,
    case when stage = 2 and is_failed then case when n % 400 = 3 then 'disk-full' else 'source-unreachable' end end,
    case when stage = 2 and is_failed then 'the server refused the connection' end, case when stage = 2 and is_failed then 'is it up?' end,
    case when stage = 2 and not is_failed then 's3://vault/backups/' || target || '/' || backup_bk || '/manifest.json' end,
    case when stage = 2 and not is_failed then 's3' end, case when stage = 2 then began + interval '28 days' end, case when stage > 0 then n end,
    began + stage * interval '1 second' + case stage when 2 then took else '0' end,
    case stage when 0 then began + interval '1 second' when 1 then began + interval '2 seconds' + took end,
    'journal/' || backup_bk || '/' || stage
  from run cross join generate_series(0, 2) as stage
  order by n desc, stage;

  insert into holdfast.audit_entry (entry_key, occurred_at, action, subject, target, tenant_hk, actor_kind, actor_name, execution, detail)
  select
    'journal/' || backup_bk || '/' || stage, began + stage * interval '1 second',
    case stage when 0 then 'backup-requested' when 1 then 'backup-begun' else 'backup-completed' end,
    backup_bk, case stage when 0 then target end, tenant_hk, case stage when 0 then 'schedule' else 'holdfast' end,
    case stage when 0 then target || '-' || tier || '-logical' end, case stage when 0 then target || '-backup-' || backup_bk end,
    '{"tier": "daily", "method": "logical"}'
  from run cross join generate_series(0, 2) as stage
  order by n desc, stage;

  insert into backup_mgmt.backup_schedule_h
  select sha256(convert_to(target || '-' || tier || '-logical', 'UTF8')), target || '-' || tier || '-logical', tenant_hk, now(), 'test'
  from holdfast.target cross join unnest(array['daily', 'weekly', 'monthly']) as tier;
  insert into backup_mgmt.backup_schedule_s
  select sha256(convert_to(target || '-' || tier || '-logical', 'UTF8')), target || '-' || tier || '-logical', tenant_hk, target, 'postgres',
    'logical', tier, case tier when 'daily' then substr(target, 8) || ' 2 * * *' when 'weekly' then '0 1 * * 0' else '0 0 1 * *' end,
    (array['UTC', 'Europe/Berlin', 'America/New_York'])[1 + length(target) % 3], 28, true, now(), null, 'test'
  from holdfast.target cross join unnest(array['daily', 'weekly', 'monthly']) as tier;
  insert into backup_mgmt.backup_schedule_execution_l
  select sha256(convert_to(backup_bk || ' schedule', 'UTF8')), sha256(convert_to(target || '-' || tier || '-logical', 'UTF8')), backup_hk, began, 'test'
  from run;
  insert into backup_mgmt.backup_execution_parent_l
  select sha256(convert_to(backup_bk || ' parent', 'UTF8')), backup_hk, lag(backup_hk) over (order by n desc), began, 'test'
  from run order by n desc offset 1;

  insert into backup_mgmt.recovery_operation_h
  select sha256(convert_to('recovery ' || backup_bk, 'UTF8')), 'recovery ' || backup_bk, tenant_hk, began, 'test' from run where n % 100 = 0;
  insert into backup_mgmt.recovery_operation_s (
    recovery_hk, recovery_bk, tenant_hk, target, destination, recovery_type, recovery_status, recovery_start_time, is_compared, load_date, record_source
  )
  select sha256(convert_to('recovery ' || backup_bk, 'UTF8')), 'recovery ' || backup_bk, tenant_hk, target, target || '/copy', 'FULL',
    case when n % 1000 = 0 then 'FAILED' else 'COMPLETED' end, began, true, began, 'test'
  from run where n % 100 = 0;
  insert into backup_mgmt.recovery_operation_execution_l
  select sha256(convert_to(backup_bk || ' recovery', 'UTF8')), sha256(convert_to('recovery ' || backup_bk, 'UTF8')), backup_hk, began, 'test'
  from run where n % 100 = 0;

  insert into holdfast.request (
    request_bk, kind, target, method, tier, tenant_hk, requested_by, requested_at, run_at, machine, execution, input, events, status, taken_at, ended_at
  )
  select backup_bk, 'backup', target, 'logical', tier, tenant_hk, 'anna', began, began, 'backup', target || '-backup-' || backup_bk,
    '{"target": "orders"}', array['{"event": "backup-requested"}'::jsonb], 'ENDED', began, began + took
  from run where n % 50 = 0;
  drop table run`;
