-- Whoever may approve sees since when an execution waits for somebody, and until when. The token beside it stays the writer's alone.
grant select (request_bk, waits_since, waits_until) on holdfast.approval_wait
  to backup_operator, backup_tenant, holdfast_reader;
create policy seen_by_everybody on holdfast.approval_wait for select to backup_operator, holdfast_reader using (true);
-- The request behind it shows itself to its own tenant only.
create policy own_tenant on holdfast.approval_wait for select to backup_tenant
  using (exists (select from holdfast.request as r where r.request_bk = approval_wait.request_bk));

create or replace view backup_mgmt.requests as
select
  r.request_bk,
  r.kind,
  r.target,
  r.method,
  r.tier,
  case
    when r.is_undecided and coalesce(o.recovery_status, 'REQUESTED') = 'REQUESTED' then 'WAITING_FOR_APPROVAL'
    when r.status = 'QUEUED' and r.run_at > now() then 'SCHEDULED'
    when r.status = 'TAKEN' then case when r.waits_for is null then 'TAKEN' else 'WAITING' end
    when r.status in ('STARTED', 'ENDED') then coalesce(b.backup_status, o.recovery_status, r.status)
    else r.status
  end as request_status,
  r.requested_by,
  r.requested_at,
  r.run_at,
  r.approved_by,
  r.waits_for,
  -- How long it has been due and nobody has taken it. Minutes mean that nobody looks: does `take-requests` run?
  case
    when r.status = 'QUEUED' and r.is_startable and r.run_at <= now()
      then round(extract(epoch from now() - r.run_at))::bigint
  end as untaken_seconds,
  r.attempts,
  r.execution,
  coalesce(r.error_code, b.error_code, o.error_code) as error_code,
  coalesce(r.error_message, b.error_message, o.error_message) as error_message,
  coalesce(r.error_hint, b.error_hint, o.error_hint) as error_hint,
  r.tenant_hk,
  r.refused_by,
  -- Since when its execution waits for somebody, and when it is given up. Null once that is decided.
  w.waits_since as approval_awaited_since,
  w.waits_until as approval_awaited_until
from holdfast.request as r
left join backup_mgmt.backup_execution_s as b
  on r.kind = 'backup' and b.backup_hk = sha256(convert_to(r.request_bk, 'UTF8')) and b.load_end_date is null
left join backup_mgmt.recovery_operation_s as o
  on r.kind = 'recovery' and o.recovery_hk = sha256(convert_to(r.request_bk, 'UTF8')) and o.load_end_date is null
left join holdfast.approval_wait as w
  on r.is_undecided and w.request_bk = r.request_bk and coalesce(o.recovery_status, 'REQUESTED') = 'REQUESTED';

-- A view that is replaced forgets with whose rights it reads.
do $$
begin
  if current_setting('server_version_num')::integer >= 150000 then
    alter view backup_mgmt.requests set (security_invoker = true);
  end if;
end
$$;
