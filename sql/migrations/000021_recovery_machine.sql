-- Recoveries run in a state machine of their own, `recovery`, which asks for the approval itself: its execution is started at once, and waits with a
-- task token until a second person has decided. What older versions queued for `restore` waits here until it is approved, as before.

alter table holdfast.request add column refused_by text null;
alter table holdfast.request
  -- May it be handed out? What `recovery` runs is asked for there.
  add column is_startable boolean not null generated always as (
    not needs_approval or approved_by is not null or machine = 'recovery'
  ) stored,
  -- Does somebody still have to decide?
  add column is_undecided boolean not null generated always as (
    needs_approval and approved_by is null and refused_by is null and status in ('QUEUED', 'TAKEN', 'STARTED')
  ) stored;

-- Whom an execution waits for. A token is worth nothing once it is answered or its execution is gone; so it is in no event, in no table that people
-- read, and goes when the answer is passed on. A catalog that is made anew has none: what waited then is given up when its time is over.
create table holdfast.approval_wait (
  request_bk text not null,
  task_token text not null,
  waits_since timestamptz not null,
  waits_until timestamptz not null,
  constraint approval_wait_pk primary key (request_bk),
  constraint approval_wait_of_request foreign key (request_bk) references holdfast.request (request_bk) on delete cascade
);
revoke all on holdfast.approval_wait from public, holdfast_reader;
grant select, insert, update, delete on holdfast.approval_wait to holdfast_writer;
alter table holdfast.approval_wait enable row level security;
create policy system_wide on holdfast.approval_wait to holdfast_writer using (true) with check (true);

-- A target may demand an approval that nobody has asked for: the execution says so when it waits.
grant update (needs_approval, refused_by) on holdfast.request to holdfast_writer;

drop trigger request_is_taken_at_once on holdfast.request;
create constraint trigger request_is_taken_at_once after insert on holdfast.request
  deferrable initially deferred
  for each row when (new.status = 'QUEUED' and new.is_startable)
  execute function holdfast.invoke_take_requests();
create constraint trigger decision_is_passed_on_at_once after update on holdfast.request
  deferrable initially deferred
  for each row when (
    new.approved_by is distinct from old.approved_by or new.refused_by is distinct from old.refused_by
  )
  execute function holdfast.invoke_take_requests();

create or replace function holdfast.request_recovery(
  source backup_mgmt.backup_execution_s, target_time timestamptz, point jsonb, approval_required boolean,
  into_target text, database text, restore_as text
) returns backup_mgmt.requested_recovery
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  bk constant text := holdfast.new_operation_id(asked_at);
  hk constant bytea := holdfast.hash_key(bk);
  receiver constant text := coalesce(into_target, source.target);
  execution constant text := receiver || '-recovery-' || bk;
  destination constant text := receiver || coalesce('/' || restore_as, '');
  requested_by constant jsonb := holdfast.requester();
  event_key constant text := holdfast.journal_key(bk, '010', 'recovery-requested', asked_at);
  event constant jsonb := jsonb_strip_nulls(jsonb_build_object(
    'event', 'recovery-requested', 'operation', bk, 'at', holdfast.iso_time(asked_at),
    'backupId', source.backup_bk, 'target', source.target, 'destination', destination, 'requestedBy', requested_by,
    'execution', execution, 'targetTime', holdfast.iso_time(target_time), 'point', point
  )) || jsonb_build_object('tenant', holdfast.tenant_name(source.tenant_hk));
begin
  perform holdfast.require_machine('recovery', 'it is declared within a minute after a deployment: does ''take-requests'' run?');
  insert into holdfast.request (
    request_bk, kind, target, method, tenant_hk, requested_by, requested_at, run_at, needs_approval, machine, execution, input, events
  )
  values (
    bk, 'recovery', receiver, source.method, source.tenant_hk, holdfast.caller(), asked_at, asked_at, approval_required, 'recovery',
    execution,
    jsonb_strip_nulls(jsonb_build_object(
      'backup', source.backup_bk, 'target', source.target, 'into', into_target, 'databases', case when database is not null then jsonb_build_array(database) end,
      'as', restore_as, 'requestedBy', requested_by, 'recoveryId', bk, 'requestedAt', holdfast.iso_time(asked_at),
      'targetTime', holdfast.iso_time(target_time), 'point', point, 'needsApproval', approval_required
    )),
    array[event]
  );
  insert into backup_mgmt.recovery_operation_h (recovery_hk, recovery_bk, tenant_hk, load_date, record_source)
  values (hk, bk, source.tenant_hk, date_trunc('second', asked_at), format('journal/%s/', bk));
  insert into backup_mgmt.recovery_operation_s (
    recovery_hk, recovery_bk, tenant_hk, target, destination, recovery_type, recovery_target_time, requested_by_kind,
    requested_by_name, execution, recovery_status, recovery_start_time, is_compared, load_date, record_source
  )
  values (
    hk, bk, source.tenant_hk, source.target, destination, case when point is null then 'FULL' else 'POINT_IN_TIME' end, date_trunc('milliseconds', target_time), 'sql', holdfast.caller(),
    execution, 'REQUESTED', asked_at, false, asked_at, event_key
  );
  insert into backup_mgmt.recovery_operation_execution_l (recovery_execution_hk, recovery_hk, backup_hk, load_date, record_source)
  values (holdfast.hash_key(bk, source.backup_bk), hk, source.backup_hk, date_trunc('second', asked_at), event_key);
  perform holdfast.note_event(event_key, event);
  perform holdfast.announce_request();
  return (
    bk, hk, source.backup_bk, source.target, destination, 'REQUESTED', source.backup_end_time, approval_required,
    case when approval_required then format('call backup_mgmt.approve_recovery(%L), by somebody else than %I', bk, holdfast.caller()) end
  )::backup_mgmt.requested_recovery;
end
$$;

-- A second person's word on a recovery that waits for it, as an event of the recovery; or why it is not taken.
create function holdfast.decide_recovery(recovery text, decision text, reason text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked holdfast.request;
  decided_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  is_approval constant boolean := decision = 'approved';
  ending backup_mgmt.recovery_operation_s;
  event jsonb;
begin
  perform holdfast.require_writable();
  if not holdfast.is_system_wide(holdfast.caller()) then
    raise exception 'role ''%'' may not % recoveries', holdfast.caller(), case when is_approval then 'approve' else 'refuse' end
      using errcode = 'insufficient_privilege', hint = 'a backup_operator may';
  end if;
  select * into asked from holdfast.request as r where r.request_bk = recovery and r.kind = 'recovery' for update;
  if not found then
    raise exception 'no recovery ''%'' was requested here', recovery
      using errcode = 'ZH006', hint = 'select * from backup_mgmt.requests where request_status = ''WAITING_FOR_APPROVAL''';
  end if;
  select * into ending
  from backup_mgmt.recovery_operation_s as o
  where o.recovery_hk = holdfast.hash_key(asked.request_bk) and o.load_end_date is null and o.recovery_status = 'FAILED';
  if coalesce(asked.error_message, ending.error_message) is not null then
    raise exception 'recovery ''%'' waits no more: %', asked.request_bk, coalesce(asked.error_message, ending.error_message)
      using errcode = 'ZH008', hint = coalesce(asked.error_hint, ending.error_hint);
  end if;
  if not asked.is_undecided then
    raise exception 'recovery ''%'' waits for no approval', asked.request_bk
      using errcode = 'ZH008', hint = case
        when asked.refused_by is not null then format('%s has refused it', asked.refused_by)
        else format('its request is %s', asked.status)
      end;
  end if;
  -- By the login too: whoever may set several roles is still one person. Whoever asked may take it back.
  if is_approval
    and (holdfast.caller() = asked.requested_by or session_user = asked.requested_by or session_user = asked.requested_login)
  then
    raise exception 'recovery ''%'' was requested by ''%'', and is approved by somebody else', asked.request_bk, asked.requested_by
      using errcode = 'ZH008', hint = 'two people: that is what the approval is for';
  end if;
  if not is_approval and asked.machine <> 'recovery' then
    raise exception 'recovery ''%'' was requested of an older version, whose recoveries cannot be refused', asked.request_bk
      using errcode = 'ZH008', hint = 'it is given up by itself when nobody approves it';
  end if;
  event := jsonb_strip_nulls(jsonb_build_object(
    'event', 'recovery-' || decision, 'operation', asked.request_bk, 'at', holdfast.iso_time(decided_at),
    decision || 'By', holdfast.requester(), 'reason', reason
  )) || jsonb_build_object('tenant', holdfast.tenant_name(asked.tenant_hk));
  perform holdfast.note_event(holdfast.journal_key(asked.request_bk, '015', 'recovery-' || decision, decided_at), event);
  update holdfast.request as r
  set
    approved_by = case when is_approval then holdfast.caller() end,
    refused_by = case when not is_approval then holdfast.caller() end,
    events = r.events || event
  where r.request_bk = asked.request_bk;
  perform holdfast.announce_request();
end
$$;
revoke execute on function holdfast.decide_recovery(text, text, text) from public;

create or replace procedure backup_mgmt.approve_recovery(recovery text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform holdfast.decide_recovery(recovery, 'approved', null);
end
$$;

create procedure backup_mgmt.refuse_recovery(recovery text, reason text default null)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform holdfast.decide_recovery(recovery, 'refused', reason);
end
$$;
revoke execute on procedure backup_mgmt.refuse_recovery(text, text) from public;
grant execute on procedure backup_mgmt.refuse_recovery(text, text) to backup_operator;
comment on procedure backup_mgmt.refuse_recovery is 'Ends a recovery that waits for approval';

create or replace function holdfast.note_event(event_key text, event jsonb) returns void
language sql
as $$
  insert into holdfast.audit_entry (
    entry_key, occurred_at, action, subject, target, tenant_hk, actor_kind, actor_name, client_address, execution, detail
  )
  select
    event_key,
    (event ->> 'at')::timestamptz,
    event ->> 'event',
    event ->> 'operation',
    event ->> 'target',
    sha256(convert_to(event ->> 'tenant', 'UTF8')),
    coalesce(actor ->> 'kind', 'holdfast'),
    actor ->> 'name',
    actor ->> 'address',
    event ->> 'execution',
    event - array['at', 'event', 'operation', 'target', 'tenant', 'requestedBy', 'approvedBy', 'refusedBy', 'by', 'execution', 'schedules', 'targets']
  from coalesce(event -> 'requestedBy', event -> 'approvedBy', event -> 'refusedBy', event -> 'by') as actor
  on conflict do nothing
$$;

-- A recovery waits for approval whether it is queued or its execution runs. What was asked for by SQL, and how far it is.
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
  r.refused_by
from holdfast.request as r
left join backup_mgmt.backup_execution_s as b
  on r.kind = 'backup' and b.backup_hk = sha256(convert_to(r.request_bk, 'UTF8')) and b.load_end_date is null
left join backup_mgmt.recovery_operation_s as o
  on r.kind = 'recovery' and o.recovery_hk = sha256(convert_to(r.request_bk, 'UTF8')) and o.load_end_date is null;

-- A view that is replaced forgets with whose rights it reads.
do $$
begin
  if current_setting('server_version_num')::integer >= 150000 then
    alter view backup_mgmt.requests set (security_invoker = true);
  end if;
end
$$;
