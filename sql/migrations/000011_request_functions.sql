-- The functions that operators and tenants call. They run as the catalog's owner and decide by holdfast.caller() whose request it is.
-- SQLSTATE class ZH is theirs; docs/catalog.md lists it.

create type backup_mgmt.requested_backup as (
  backup_bk text,
  backup_hk bytea,
  target text,
  engine text,
  method text,
  tier text,
  backup_status text,
  requested_at timestamptz,
  run_at timestamptz,
  note text
);

create type backup_mgmt.requested_recovery as (
  recovery_bk text,
  recovery_hk bytea,
  backup_bk text,
  target text,
  destination text,
  recovery_status text,
  point_reached timestamptz, -- the backup holds nothing that was committed later
  needs_approval boolean,
  note text
);

create type backup_mgmt.queued_request as (
  request_bk text,
  kind text,
  target text,
  backup_bk text,
  request_status text,
  note text
);

-- Queues one backup, or joins the one of the same kind that waits already.
--
-- Invariant: a request, its rows and its entry in the audit trail are committed together, or none is.
create function holdfast.request_backup(
  target holdfast.target, method text, tier text, verify boolean, run_at timestamptz
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
      scheduled_time, machine, execution, input, events
    )
    values (
      bk, 'backup', request_backup.target.target, request_backup.method, request_backup.tier, request_backup.verify,
      request_backup.target.tenant_hk, holdfast.caller(), asked_at, due_at, request_backup.run_at, 'backup', execution,
      jsonb_strip_nulls(jsonb_build_object(
        'target', request_backup.target.target, 'method', request_backup.method, 'tier', request_backup.tier,
        'scheduledTime', scheduled, 'requestedBy', requested_by, 'backupId', bk, 'requestedAt', holdfast.iso_time(asked_at),
        'verify', nullif(request_backup.verify, false)
      )),
      array[event]
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
    request_backup.tier, 'FULL', date_trunc('milliseconds', request_backup.run_at), 'sql', holdfast.caller(), execution, 'REQUESTED',
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
  tenant bytea, target text, method text, tier text, verify boolean, run_at timestamptz
) returns setof backup_mgmt.requested_backup
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  each holdfast.target;
begin
  perform holdfast.require_writable();
  if request_backups.tier not in ('daily', 'weekly', 'monthly', 'compliance', 'manual') then
    raise exception 'there is no tier ''%''', request_backups.tier
      using errcode = 'ZH002', hint = 'daily, weekly, monthly, compliance or manual: how long the backup is kept';
  end if;
  for each in select * from holdfast.targets_for(request_backups.tenant, request_backups.target) loop
    if request_backups.method <> all (each.methods) then
      raise exception 'target ''%'' is not backed up by method ''%''', each.target, request_backups.method
        using errcode = 'ZH004', hint = format('its methods are: %s', array_to_string(each.methods, ', '));
    end if;
    return next holdfast.request_backup(
      each, coalesce(request_backups.method, each.methods[1]), coalesce(request_backups.tier, 'manual'),
      coalesce(request_backups.verify, false), request_backups.run_at
    );
  end loop;
  if request_backups.run_at is null then
    perform holdfast.announce_request();
  end if;
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
  method text default null
) returns setof backup_mgmt.requested_backup
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
  perform holdfast.require_writable();
  perform from holdfast.targets_for(tenant, target);
  perform holdfast.require_configured(location, storage_type, compress);
  return query select * from holdfast.request_backups(tenant, target, method, tier, verify, null);
end
$$;

create function backup_mgmt.create_incremental_backup(
  tenant bytea default null,
  base bytea default null,
  location text default null,
  target text default null
) returns setof backup_mgmt.requested_backup
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked_target text := target;
  supported text;
begin
  perform holdfast.require_writable();
  perform from holdfast.targets_for(tenant, target);
  perform holdfast.require_configured(location, null, null);
  if base is not null then
    select s.target into asked_target
    from backup_mgmt.backup_execution_s as s
    join holdfast.targets_for(tenant, target) as own on own.target = s.target
    where s.backup_hk = base and s.load_end_date is null and s.backup_status = 'COMPLETED';
    if not found then
      raise exception 'no completed backup has the key ''\x%''', encode(base, 'hex')
        using errcode = 'ZH006', hint = 'backup_hk of a row of backup_mgmt.backup_execution_s; leave it out for the newest';
    end if;
  end if;
  select string_agg(format('%s: %s', own.target, array_to_string(own.methods, ', ')), '; ' order by own.target) into supported
  from holdfast.targets_for(tenant, asked_target) as own
  where cardinality(own.incremental_methods) = 0;
  if supported is not null then
    raise exception 'incremental backups are not supported by the methods of these targets (%)', supported
      using errcode = 'ZH004', hint = 'a full backup can be had: select * from backup_mgmt.create_full_backup()';
  end if;
  return query
    select requested.*
    from holdfast.targets_for(tenant, asked_target) as own,
      holdfast.request_backups(tenant, own.target, own.incremental_methods[1], 'manual', false, null) as requested;
end
$$;

create function backup_mgmt.schedule_backup(
  tenant bytea default null,
  run_at timestamptz default now() + interval '1 hour',
  target text default null,
  tier text default null,
  method text default null,
  verify boolean default null
) returns setof backup_mgmt.requested_backup
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
  if run_at is null or run_at < now() - interval '1 minute' then
    raise exception 'a backup is scheduled for a time that is yet to come'
      using errcode = 'ZH002', hint = 'at once: select * from backup_mgmt.create_full_backup()';
  end if;
  if run_at > now() + interval '366 days' then
    raise exception 'a backup is scheduled for a time within a year'
      using errcode = 'ZH002', hint = 'what is to recur belongs into the configuration (targets[].backups)';
  end if;
  return query select * from holdfast.request_backups(tenant, target, method, tier, verify, run_at);
end
$$;

-- Queues a request that has no row of its own in the tables: what comes of it is told by the events of what it starts.
create function holdfast.queue_request(
  kind text, machine text, target text, tenant_hk bytea, backup_bk text, input jsonb
) returns backup_mgmt.queued_request
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  bk constant text := holdfast.new_operation_id(asked_at);
  execution constant text := format('%s-%s-%s', coalesce(target, 'all'), kind, bk);
begin
  insert into holdfast.request as queued (
    request_bk, kind, target, tenant_hk, requested_by, requested_at, run_at, machine, execution, input
  )
  values (bk, kind, target, tenant_hk, holdfast.caller(), asked_at, asked_at, machine, execution, input);
  perform holdfast.announce_request();
  perform holdfast.note_call(kind || '-requested', bk, target, tenant_hk, input || jsonb_build_object('execution', execution));
  return (bk, kind, target, backup_bk, 'QUEUED', null)::backup_mgmt.queued_request;
end
$$;

create function backup_mgmt.verify_backup_integrity(
  tenant bytea default null,
  backup bytea default null,
  target text default null
) returns setof backup_mgmt.queued_request
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  found_backup record;
  is_any boolean := false;
begin
  perform holdfast.require_writable();
  perform from holdfast.targets_for(tenant, target);
  perform holdfast.require_machine('restore-test', 'every backup was read back and validated when it was made; ''holdfast validate <backup>'' does that again');
  for found_backup in
    select s.backup_bk, s.target, s.tenant_hk
    from holdfast.targets_for(tenant, target) as own
    cross join lateral (
      select * from backup_mgmt.backup_execution_s as completed
      where completed.target = own.target and completed.load_end_date is null and completed.backup_status = 'COMPLETED'
        and (backup is null or completed.backup_hk = backup)
      order by completed.backup_end_time desc
      limit 1
    ) as s
    order by s.target
  loop
    is_any := true;
    return next holdfast.queue_request(
      'verification', 'restore-test', found_backup.target, found_backup.tenant_hk, found_backup.backup_bk,
      jsonb_build_object('backup', found_backup.backup_bk)
    );
  end loop;
  if not is_any then
    raise exception 'there is no completed backup to verify'
      using errcode = 'ZH006', hint = 'select * from backup_mgmt.create_full_backup() makes one';
  end if;
end
$$;

create function backup_mgmt.cleanup_expired_backups(
  tenant bytea default null,
  target text default null,
  dry_run boolean default false
) returns setof backup_mgmt.queued_request
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  each holdfast.target;
  is_dry constant jsonb := case when dry_run then '{"dryRun": true}' else '{}' end;
begin
  perform holdfast.require_writable();
  perform from holdfast.targets_for(tenant, target);
  perform holdfast.require_machine('cleanup', 'the bucket''s lifecycle rules remove what has expired');
  if tenant is null and target is null and holdfast.is_system_wide(holdfast.caller()) then
    return next holdfast.queue_request('cleanup', 'cleanup', null, null, null, is_dry);
    return;
  end if;
  for each in select * from holdfast.targets_for(tenant, target) loop
    return next holdfast.queue_request(
      'cleanup', 'cleanup', each.target, each.tenant_hk, null, is_dry || jsonb_build_object('target', each.target)
    );
  end loop;
end
$$;
