-- A full backup can be asked for by SQL that is made of earlier ones in the store, as `holdfast backup --from` asks for it.
alter table holdfast.request add column made_from text null;
drop index holdfast.request_waiting;
create unique index request_waiting on holdfast.request
  (target, method, tier, is_verification_asked, coalesce(scheduled_time, '-infinity'), coalesce(made_from, ''))
  where kind = 'backup' and status = 'QUEUED';

-- A function gets no parameter by being replaced; and beside a second one of its name, a call with neither's would be ambiguous.
drop function backup_mgmt.create_full_backup(bytea, text, text, boolean, boolean, text, text, text);
drop function holdfast.request_backups(bytea, text, text, text, boolean, timestamptz);
drop function holdfast.request_backup(holdfast.target, text, text, boolean, timestamptz);

-- Queues one backup, or joins the one of the same kind that waits already.
--
-- Invariant: a request, its rows and its entry in the audit trail are committed together, or none is.
create function holdfast.request_backup(
  target holdfast.target, method text, tier text, verify boolean, run_at timestamptz, made_from text
) returns backup_mgmt.requested_backup
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  asked_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  due_at constant timestamptz := coalesce(date_trunc('milliseconds', request_backup.run_at), asked_at);
  bk constant text := holdfast.new_operation_id(due_at);
  hk constant bytea := holdfast.hash_key(bk);
  execution constant text := request_backup.target.target || '-backup-' || bk;
  requested_by constant jsonb := holdfast.requester();
  scheduled constant text := holdfast.iso_time(request_backup.run_at);
  event_key constant text := holdfast.journal_key(bk, '010', 'backup-requested', asked_at);
  event constant jsonb := jsonb_build_object(
    'event', 'backup-requested', 'operation', bk, 'at', holdfast.iso_time(asked_at),
    'tenant', holdfast.tenant_name(request_backup.target.tenant_hk),
    'target', request_backup.target.target, 'engine', request_backup.target.engine,
    'method', request_backup.method, 'tier', request_backup.tier, 'scheduledTime', scheduled,
    'requestedBy', requested_by, 'execution', execution, 'parent', null
  );
  joined text;
begin
  loop
    insert into holdfast.request (
      request_bk, kind, target, method, tier, is_verification_asked, tenant_hk, requested_by, requested_at, run_at,
      scheduled_time, machine, execution, input, events, made_from
    )
    values (
      bk, 'backup', request_backup.target.target, request_backup.method, request_backup.tier, request_backup.verify,
      request_backup.target.tenant_hk, holdfast.caller(), asked_at, due_at, request_backup.run_at, 'backup', execution,
      jsonb_strip_nulls(jsonb_build_object(
        'target', request_backup.target.target, 'method', request_backup.method, 'tier', request_backup.tier,
        'scheduledTime', scheduled, 'requestedBy', requested_by, 'backupId', bk, 'requestedAt', holdfast.iso_time(asked_at),
        'verify', nullif(request_backup.verify, false), 'from', request_backup.made_from
      )),
      array[event], request_backup.made_from
    )
    on conflict do nothing;
    exit when found;

    select waiting.request_bk into joined
    from holdfast.request as waiting
    where waiting.kind = 'backup' and waiting.status = 'QUEUED'
      and waiting.target = request_backup.target.target
      and waiting.method = request_backup.method
      and waiting.tier = request_backup.tier
      and waiting.is_verification_asked = request_backup.verify
      and waiting.made_from is not distinct from request_backup.made_from
      and waiting.scheduled_time is not distinct from request_backup.run_at;
    if found then
      perform holdfast.note_call(
        'backup-request-joined', joined, request_backup.target.target, request_backup.target.tenant_hk,
        jsonb_build_object('tier', request_backup.tier, 'method', request_backup.method)
      );
      return (
        joined, holdfast.hash_key(joined), request_backup.target.target, request_backup.target.engine, request_backup.method,
        request_backup.tier, 'REQUESTED', asked_at, due_at, 'joined a request that waits already'
      )::backup_mgmt.requested_backup;
    end if;
    -- It was taken between the two statements: the next round queues one of our own.
  end loop;

  insert into backup_mgmt.backup_execution_h (backup_hk, backup_bk, tenant_hk, load_date, record_source)
  values (hk, bk, request_backup.target.tenant_hk, date_trunc('second', due_at), format('journal/%s/', bk));
  insert into backup_mgmt.backup_execution_s (
    backup_hk, backup_bk, tenant_hk, target, engine, method, tier, backup_type, scheduled_time, requested_by_kind,
    requested_by_name, execution, backup_status, backup_start_time, verification_status, load_date, record_source
  )
  values (
    hk, bk, request_backup.target.tenant_hk, request_backup.target.target, request_backup.target.engine, request_backup.method,
    request_backup.tier,
    case request_backup.method when 'schema' then 'SCHEMA' else 'FULL' end, date_trunc('milliseconds', request_backup.run_at), 'sql', holdfast.caller(), execution, 'REQUESTED',
    asked_at, 'PENDING', asked_at, event_key
  );
  perform holdfast.note_event(event_key, event);
  return (
    bk, hk, request_backup.target.target, request_backup.target.engine, request_backup.method, request_backup.tier, 'REQUESTED',
    asked_at, due_at,
    case
      when request_backup.verify and not exists (select from holdfast.installation where 'restore-test' = any (machines))
        then 'read back and validated as every backup; this installation has no restore tests'
    end
  )::backup_mgmt.requested_backup;
end
$$;

-- Requests a backup of each target that is meant, in the order of their names: two callers then wait for each other in one direction.
create function holdfast.request_backups(
  tenant bytea, target text, method text, tier text, verify boolean, run_at timestamptz, made_from text default null
) returns setof backup_mgmt.requested_backup
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  each holdfast.target;
  requested integer := 0;
begin
  perform holdfast.require_writable();
  if request_backups.tier not in ('daily', 'weekly', 'monthly', 'compliance', 'manual') then
    raise exception 'there is no tier ''%''', request_backups.tier
      using errcode = 'ZH002', hint = 'daily, weekly, monthly, compliance or manual: how long the backup is kept';
  end if;
  for each in select * from holdfast.targets_for(request_backups.tenant, request_backups.target) loop
    if request_backups.made_from is not null and (cardinality(each.incremental_methods) = 0 or 'base' <> all (each.methods)) then
      -- Of all that are yours, those are meant that have something to make it of.
      continue when request_backups.target is null;
      raise exception 'no backup of target ''%'' can be made of earlier ones: none of its methods builds on a base backup', each.target
        using errcode = 'ZH004', hint = format('its methods are: %s', array_to_string(each.methods, ', '));
    end if;
    if request_backups.method <> all (each.methods) then
      raise exception 'target ''%'' is not backed up by method ''%''', each.target, request_backups.method
        using errcode = 'ZH004', hint = format('its methods are: %s', array_to_string(each.methods, ', '));
    end if;
    requested := requested + 1;
    return next holdfast.request_backup(
      each,
      coalesce(
        request_backups.method,
        -- Definitions alone are no full backup, whichever entry comes first.
        (
          select own.method
          from unnest(each.methods) with ordinality as own (method, place)
          where own.method <> 'schema'
          order by own.place
          limit 1
        ),
        each.methods[1]
      ),
      coalesce(request_backups.tier, 'manual'),
      coalesce(request_backups.verify, false),
      request_backups.run_at,
      request_backups.made_from
    );
  end loop;
  if request_backups.made_from is not null and requested = 0 then
    raise exception 'no target has backups that build on a base backup'
      using errcode = 'ZH004', hint = 'leave made_from out for backups of the servers themselves';
  end if;
  if request_backups.run_at is null then
    perform holdfast.announce_request();
  end if;
end
$$;

-- The target of a backup that another is to be made of; refused as unknown to whom it does not belong.
create function holdfast.target_of_backup(tenant bytea, backup text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  found_target text;
begin
  select own.target into found_target
  from backup_mgmt.backup_execution_s as known
  join holdfast.targets_for(tenant, null) as own on own.target = known.target
  where known.backup_hk = holdfast.hash_key(backup)
    and known.load_end_date is null
    and known.backup_status = 'COMPLETED';
  if not found then
    raise exception 'no completed backup ''%'' is known', backup
      using errcode = 'ZH006', hint = 'made_from is ''latest'', or the backup_bk of one that builds on others';
  end if;
  return found_target;
end
$$;

create function backup_mgmt.create_full_backup(
  tenant bytea default null,
  location text default null,
  storage_type text default null,
  compress boolean default null,
  verify boolean default null,
  target text default null,
  tier text default null,
  method text default null,
  made_from text default null
) returns setof backup_mgmt.requested_backup
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  wanted text := target;
begin
  perform holdfast.require_writable();
  perform from holdfast.targets_for(tenant, target);
  perform holdfast.require_configured(location, storage_type, compress);
  if made_from is null then
    return query select * from holdfast.request_backups(tenant, target, method, tier, verify, null);
    return;
  end if;
  if method <> 'base' then
    raise exception 'no % backup can be made of earlier ones', method
      using errcode = 'ZH004', hint = 'method => ''base'' with made_from, or leave one of them out';
  end if;
  if made_from <> 'latest' then
    wanted := holdfast.target_of_backup(tenant, made_from);
    if wanted <> target then
      raise exception 'backup ''%'' is not of target ''%''', made_from, target
        using errcode = 'ZH006', hint = format('it is of ''%s''', wanted);
    end if;
  end if;
  return query select * from holdfast.request_backups(tenant, wanted, 'base', tier, verify, null, made_from);
end
$$;

revoke execute on function
  holdfast.request_backup(holdfast.target, text, text, boolean, timestamptz, text),
  holdfast.request_backups(bytea, text, text, text, boolean, timestamptz, text),
  holdfast.target_of_backup(bytea, text),
  backup_mgmt.create_full_backup(bytea, text, text, boolean, boolean, text, text, text, text)
from public;
grant execute on function
  backup_mgmt.create_full_backup(bytea, text, text, boolean, boolean, text, text, text, text)
to backup_operator, backup_tenant;
comment on function backup_mgmt.create_full_backup is
  'Requests a full backup of every target that is yours, or of one, from the server or made of earlier backups; a row for each';
