import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { knownBackups } from '../../lib/catalog/queries/known-backups.ts';
import { lastCompleted } from '../../lib/catalog/queries/last-completed.ts';
import { listExecutions } from '../../lib/catalog/queries/list-executions.ts';
import { listRecoveries } from '../../lib/catalog/queries/list-recoveries.ts';
import { listValidations } from '../../lib/catalog/queries/list-validations.ts';
import { showExecution } from '../../lib/catalog/queries/show-execution.ts';
import { type BackupId, targetNameSchema } from '../../lib/core/ids.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { newCatalog } from './catalog-database.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

/** What is asked beside the questions of docs/catalog.md: by cleanup, alarms, tenants' sessions and people who follow an execution. */
const moreQuestions = [
  "select backup_bk from backup_mgmt.backup_execution_s where load_end_date is null and backup_status = 'COMPLETED' and target = 'target-7' and backup_end_time <= now() - interval '90 days' order by backup_end_time desc limit 1",
  "select count(*) from backup_mgmt.backup_execution_s where load_end_date is null and target = 'target-7' and scheduled_time = '2026-11-01 02:00:00+00'",
  "select backup_bk from backup_mgmt.backup_execution_s where load_end_date is null and execution = 'execution-4711'",
  "select backup_bk from backup_mgmt.backup_execution_s where load_end_date is null and backup_status = 'COMPLETED' and verification_status = 'PENDING' and backup_end_time > now() - interval '3 days'",
  "select error_code, count(*) from backup_mgmt.backup_execution_s where load_end_date is null and backup_status = 'FAILED' and error_code = 'disk-full' and backup_end_time > now() - interval '30 days' group by 1",
  "select count(*) from backup_mgmt.backup_execution_s where load_end_date is null and tenant_hk = sha256('acme') and backup_start_time > now() - interval '3 days'",
  "select count(*) from backup_mgmt.recovery_operation_s where load_end_date is null and recovery_status = 'FAILED' and recovery_start_time > now() - interval '90 days'",
  "select schedule_bk from backup_mgmt.backup_schedule_s where load_end_date is null and target = 'target-7'",
  "select schedule_bk from backup_mgmt.backup_schedule_s where load_end_date is null and schedule_hk = sha256('schedule 7')",
  "select recovery_status from backup_mgmt.recovery_operation_s where load_end_date is null and recovery_hk = sha256('recovery 7')",
  "select backup_status from backup_mgmt.backup_execution_s where load_end_date is null and backup_hk = sha256('backup 7')",
  "select backup_hk from backup_mgmt.backup_execution_parent_l where parent_backup_hk = sha256('backup 7')",
  "select recovery_hk from backup_mgmt.recovery_operation_execution_l where backup_hk = sha256('backup 7')",
  "select schedule_hk from backup_mgmt.backup_schedule_execution_l where backup_hk = sha256('backup 7')",
];

test('among 50,000 backups every index serves some question', async () => {
  await using catalog = await newCatalog(server, { statementTimeoutSeconds: 540 });
  const { owner } = catalog;
  await owner.query(manyRows);
  await owner.query('analyze');

  const [, documented = ''] = readFileSync(path.join(import.meta.dirname, '../../docs/catalog.md'), 'utf8').split(
    '## Questions',
  );
  for (const [, question = ''] of documented.matchAll(/```sql\n(.*?)```/gs)) await owner.query(question);
  for (const question of moreQuestions) await owner.query(question);
  const target = targetNameSchema.parse('target-7');
  await listExecutions(owner, { target, limit: 20 });
  await listRecoveries(owner, { target, limit: 20 });
  await listValidations(owner, { limit: 20 });
  await listValidations(owner, { backupId: 'backup 7' as BackupId, limit: 20 });
  await knownBackups(owner, { targets: [target], perTarget: 2 });
  await lastCompleted(owner);
  await showExecution(owner, 'backup 7');

  assert.deepEqual(await unusedIndexes(owner), []);
});

async function unusedIndexes(owner: Client): Promise<readonly string[]> {
  await owner.query('select pg_stat_force_next_flush()');
  const { rows } = await owner.query<{ name: string }>(
    `select statistics.indexrelname as name
     from pg_stat_user_indexes as statistics
     where schemaname = 'backup_mgmt'
       and idx_scan = 0
       and not exists (select from pg_constraint where conindid = statistics.indexrelid and contype in ('p', 'u'))
     order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** A year of backups of 50 targets, each with a closed row before its current one; one in 20 failed. */
const manyRows = `
  insert into backup_mgmt.backup_execution_h
  select sha256(convert_to('backup ' || n, 'UTF8')), 'backup ' || n, null, now() - n * interval '10 minutes', 'test'
  from generate_series(1, 50000) as n;

  insert into backup_mgmt.backup_execution_s (
    backup_hk, backup_bk, tenant_hk, target, engine, method, tier, backup_type, scheduled_time, execution, backup_status,
    backup_start_time, backup_end_time, backup_duration_seconds, backup_size_bytes, compressed_size_bytes, compression_ratio,
    verification_status, error_code, retention_until, restorable_point, load_date, load_end_date, record_source
  )
  select
    sha256(convert_to('backup ' || n, 'UTF8')), 'backup ' || n, case when n % 10 = 0 then sha256('acme') end,
    'target-' || n % 50, 'postgres', 'logical', case when n % 7 = 0 then 'weekly' else 'daily' end,
    case when n % 6 = 0 then 'FULL' else 'INCREMENTAL' end, began, 'execution-' || n,
    case when is_current then case when n % 20 = 0 then 'FAILED' else 'COMPLETED' end else 'REQUESTED' end,
    began, began + interval '5 minutes', 300, 4000, 1000, 4,
    case when n % 100 = 1 then 'PENDING' when n % 1000 = 7 then 'VERIFIED' else 'VALIDATED' end,
    case when n % 20 = 0 then case when n % 400 = 0 then 'disk-full' else 'source-busy' end end,
    began + interval '350 days', began, case when is_current then began + interval '6 minutes' else began end,
    case when is_current then null else began + interval '6 minutes' end, 'test'
  from generate_series(1, 50000) as n
  cross join unnest(array[false, true]) as is_current
  cross join lateral (select now() - n * interval '10 minutes' as began) as time;

  insert into backup_mgmt.validation_results (
    validation_bk, backup_hk, backup_bk, target, validation_type, validation_status, validation_timestamp, validation_start_time,
    validation_end_time, requested_by_kind, load_date, record_source
  )
  select 'validation ' || n, sha256(convert_to('backup ' || n, 'UTF8')), 'backup ' || n, 'target-' || n % 50,
    case when n % 20 = 7 then 'restore-test' else 'full' end, case when n % 100 = 0 then 'FAILED' else 'PASSED' end, at, at, at,
    'schedule', at, 'test'
  from generate_series(1, 50000) as n
  cross join lateral (select now() - n * interval '10 minutes' as at) as time;

  insert into backup_mgmt.recovery_operation_h
  select sha256(convert_to('recovery ' || n, 'UTF8')), 'recovery ' || n, null, now() - n * interval '1 hour', 'test'
  from generate_series(1, 5000) as n;

  insert into backup_mgmt.recovery_operation_s (
    recovery_hk, recovery_bk, tenant_hk, target, recovery_status, recovery_start_time, is_compared, load_date, record_source
  )
  select sha256(convert_to('recovery ' || n, 'UTF8')), 'recovery ' || n, case when n % 10 = 0 then sha256('acme') end,
    'target-' || n % 50, case when n % 100 = 0 then 'FAILED' else 'COMPLETED' end, now() - n * interval '1 hour', true, now(), 'test'
  from generate_series(1, 5000) as n;

  insert into backup_mgmt.backup_schedule_h
  select sha256(convert_to('schedule ' || n, 'UTF8')), 'schedule ' || n, null, now(), 'test'
  from generate_series(1, 2000) as n;

  insert into backup_mgmt.backup_schedule_s (
    schedule_hk, schedule_bk, target, engine, method, tier, cron_expression, timezone, retention_days, is_enabled, load_date, record_source
  )
  select sha256(convert_to('schedule ' || n, 'UTF8')), 'schedule ' || n, 'target-' || n, 'postgres', 'logical', 'daily', '0 2 * * *',
    'UTC', 7, true, now(), 'test'
  from generate_series(1, 2000) as n;

  insert into backup_mgmt.backup_schedule_execution_l
  select sha256(convert_to('schedule link ' || n, 'UTF8')), sha256(convert_to('schedule ' || (1 + n % 2000), 'UTF8')),
    sha256(convert_to('backup ' || n, 'UTF8')), now(), 'test'
  from generate_series(1, 50000) as n;

  insert into backup_mgmt.backup_execution_parent_l
  select sha256(convert_to('parent link ' || n, 'UTF8')), sha256(convert_to('backup ' || n, 'UTF8')),
    sha256(convert_to('backup ' || (n + 1), 'UTF8')), now(), 'test'
  from generate_series(1, 49999) as n;

  insert into backup_mgmt.recovery_operation_execution_l
  select sha256(convert_to('recovery link ' || n, 'UTF8')), sha256(convert_to('recovery ' || n, 'UTF8')),
    sha256(convert_to('backup ' || n, 'UTF8')), now(), 'test'
  from generate_series(1, 5000) as n`;
