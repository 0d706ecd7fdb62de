-- What sql/migrations result in, as pg_dump of PostgreSQL 17 writes it. Made by scripts/dump-catalog-schema.ts.

CREATE SCHEMA backup_mgmt;

CREATE SCHEMA holdfast;

CREATE TYPE backup_mgmt.queued_request AS (
	request_bk text,
	kind text,
	target text,
	backup_bk text,
	request_status text,
	note text
);

CREATE TYPE backup_mgmt.requested_backup AS (
	backup_bk text,
	backup_hk bytea,
	target text,
	engine text,
	method text,
	tier text,
	backup_status text,
	requested_at timestamp with time zone,
	run_at timestamp with time zone,
	note text
);

CREATE TYPE backup_mgmt.requested_recovery AS (
	recovery_bk text,
	recovery_hk bytea,
	backup_bk text,
	target text,
	destination text,
	recovery_status text,
	point_reached timestamp with time zone,
	needs_approval boolean,
	note text
);

CREATE PROCEDURE backup_mgmt.approve_recovery(IN recovery text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform holdfast.decide_recovery(recovery, 'approved', null);
end
$$;

COMMENT ON PROCEDURE backup_mgmt.approve_recovery(IN recovery text) IS 'Lets a recovery that somebody else requested run';

CREATE PROCEDURE backup_mgmt.await_backup(IN bk text, IN timeout interval DEFAULT '02:00:00'::interval, INOUT backup_status text DEFAULT NULL::text)
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
declare
  give_up_at constant timestamptz := clock_timestamp() + await_backup.timeout;
  state backup_mgmt.backup_execution_s;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'a transaction of isolation level ''%'' would never see the end', current_setting('transaction_isolation')
      using errcode = 'ZH008', hint = 'wait in a transaction that is read committed';
  end if;
  loop
    select * into state
    from backup_mgmt.backup_execution_s as s
    where s.backup_hk = sha256(convert_to(await_backup.bk, 'UTF8')) and s.load_end_date is null;
    if not found then
      raise exception 'there is no backup ''%''', await_backup.bk
        using errcode = 'ZH006', hint = 'backup_bk, as create_full_backup() returns it';
    end if;
    if state.backup_status = 'REQUESTED' and exists (
      select from backup_mgmt.backup_execution_s as s
      where s.backup_hk = state.backup_hk and s.load_end_date is null
        and s.xmin::text = pg_current_xact_id_if_assigned()::xid::text
    ) then
      raise exception 'the request for ''%'' is not committed, and so nobody can take it', await_backup.bk
        using errcode = 'ZH008', hint = 'commit, then wait';
    end if;
    if state.backup_status is distinct from backup_status and backup_status is not null then
      raise notice 'backup % is %', await_backup.bk, state.backup_status;
    end if;
    backup_status := state.backup_status;
    exit when state.backup_status in ('COMPLETED', 'EXPIRED', 'DELETED');
    if state.backup_status = 'FAILED' then
      raise exception 'backup ''%'' failed: [%] %', await_backup.bk, state.error_code, state.error_message
        using errcode = 'ZH007', hint = coalesce(state.error_hint, '');
    end if;
    if clock_timestamp() >= give_up_at then
      raise exception 'backup ''%'' is still % after %', await_backup.bk, state.backup_status, await_backup.timeout
        using errcode = 'ZH011', hint = 'it goes on: wait again, or look at backup_mgmt.requests';
    end if;
    perform pg_sleep(least(1, greatest(0, extract(epoch from give_up_at - clock_timestamp()))));
  end loop;
end
$$;

COMMENT ON PROCEDURE backup_mgmt.await_backup(IN bk text, IN timeout interval, INOUT backup_status text) IS 'Waits until a backup has ended; raises an error when it failed';

CREATE FUNCTION backup_mgmt.cleanup_expired_backups(tenant bytea DEFAULT NULL::bytea, target text DEFAULT NULL::text, dry_run boolean DEFAULT false) RETURNS SETOF backup_mgmt.queued_request
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION backup_mgmt.cleanup_expired_backups(tenant bytea, target text, dry_run boolean) IS 'Requests the removal of expired backups';

CREATE FUNCTION backup_mgmt.create_full_backup(tenant bytea DEFAULT NULL::bytea, location text DEFAULT NULL::text, storage_type text DEFAULT NULL::text, compress boolean DEFAULT NULL::boolean, verify boolean DEFAULT NULL::boolean, target text DEFAULT NULL::text, tier text DEFAULT NULL::text, method text DEFAULT NULL::text, made_from text DEFAULT NULL::text) RETURNS SETOF backup_mgmt.requested_backup
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION backup_mgmt.create_full_backup(tenant bytea, location text, storage_type text, compress boolean, verify boolean, target text, tier text, method text, made_from text) IS 'Requests a full backup of every target that is yours, or of one, from the server or made of earlier backups; a row for each';

CREATE FUNCTION backup_mgmt.create_incremental_backup(tenant bytea DEFAULT NULL::bytea, base bytea DEFAULT NULL::bytea, location text DEFAULT NULL::text, target text DEFAULT NULL::text) RETURNS SETOF backup_mgmt.requested_backup
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION backup_mgmt.create_incremental_backup(tenant bytea, base bytea, location text, target text) IS 'Requests an incremental backup where a target''s methods can make one';

CREATE FUNCTION backup_mgmt.get_next_scheduled_backups(hours integer DEFAULT 24) RETURNS TABLE(next_run timestamp with time zone, schedule_bk text, backup_bk text, target text, engine text, method text, tier text, cron_expression text, timezone text, tenant_hk bytea)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  until constant timestamptz := now() + make_interval(hours => least(greatest(get_next_scheduled_backups.hours, 1), 8784));
  asker constant name := holdfast.caller();
  own constant bytea[] := case
    when holdfast.is_system_wide(asker) or pg_has_role(asker, 'holdfast_reader', 'usage') then null
    else holdfast.tenants_of(asker)
  end;
begin
  if hours is null or hours not between 1 and 8784 then
    raise exception 'hours is %, and not between 1 and 8784', coalesce(hours::text, 'null')
      using errcode = 'ZH002', hint = 'a day is 24, a year 8784';
  end if;
  return query
    with pattern as materialized (
      select distinct cron_expression, timezone
      from backup_mgmt.backup_schedule_s
      where load_end_date is null and is_enabled and (own is null or tenant_hk = any (own))
    ),
    due as materialized (
      select pattern.cron_expression, pattern.timezone, times.at
      from pattern
      cross join lateral holdfast.cron_times(pattern.cron_expression, pattern.timezone, now(), until) as times (at)
    )
    select due.at, s.schedule_bk, null, s.target, s.engine, s.method, s.tier, s.cron_expression, s.timezone, s.tenant_hk
    from due
    join backup_mgmt.backup_schedule_s as s using (cron_expression, timezone)
    where s.load_end_date is null and s.is_enabled and (own is null or s.tenant_hk = any (own))
    union all
    select s.scheduled_time, null, s.backup_bk, s.target, s.engine, s.method, s.tier, null, null, s.tenant_hk
    from backup_mgmt.backup_execution_s as s
    where s.load_end_date is null and s.backup_status = 'REQUESTED'
      and s.scheduled_time > now()
      and s.scheduled_time <= until
      and (own is null or s.tenant_hk = any (own))
    order by 1 nulls last, 4, 7;
end
$$;

COMMENT ON FUNCTION backup_mgmt.get_next_scheduled_backups(hours integer) IS 'The backups that are due within the next hours';

CREATE FUNCTION backup_mgmt.initiate_point_in_time_recovery(tenant bytea DEFAULT NULL::bytea, target_time timestamp with time zone DEFAULT NULL::timestamp with time zone, recovery_type text DEFAULT 'POINT_IN_TIME'::text, approval_required boolean DEFAULT true, target text DEFAULT NULL::text, into_target text DEFAULT NULL::text, database text DEFAULT NULL::text, restore_as text DEFAULT NULL::text) RETURNS SETOF backup_mgmt.requested_recovery
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  asked_point constant timestamptz := coalesce(target_time, now());
  shown_point constant text := holdfast.iso_time(asked_point);
  is_point_in_time constant boolean := upper(recovery_type) = 'POINT_IN_TIME';
  each holdfast.target;
  source backup_mgmt.backup_execution_s;
begin
  perform holdfast.require_writable();
  perform holdfast.targets_for(tenant, target);
  if into_target is not null then
    perform holdfast.targets_for(tenant, into_target);
  end if;
  if recovery_type is null or upper(recovery_type) not in ('POINT_IN_TIME', 'FULL') then
    raise exception 'there is no recovery type ''%''', recovery_type
      using errcode = 'ZH002', hint = 'POINT_IN_TIME reaches the very point, FULL the newest backup that ended before it';
  end if;
  if asked_point > now() + interval '1 minute' then
    raise exception 'the point asked for, %, is yet to come', shown_point
      using errcode = 'ZH005', hint = 'leave target_time out for the newest point';
  end if;
  if restore_as is not null and database is null and not (is_point_in_time and restore_as like '/%') then
    raise exception 'restore_as names one restored database'
      using errcode = 'ZH002', hint = 'say which one: database => ''…''; a whole cluster goes into a folder, restore_as => ''/…''';
  end if;
  for each in select * from holdfast.targets_for(tenant, target) loop
    -- By its end: what the backup holds was then committed, whatever its databases' snapshots were. A log goes on from backups of whole clusters.
    select * into source
    from backup_mgmt.backup_execution_s as completed
    where completed.target = each.target
      and completed.load_end_date is null
      and completed.backup_status = 'COMPLETED'
      and completed.verification_status <> 'FAILED'
      and completed.method is distinct from 'schema'
      and (not is_point_in_time or completed.engine = 'postgres' and completed.method in ('base', 'incremental', 'differential'))
      and completed.backup_end_time <= asked_point
    order by completed.backup_end_time desc
    limit 1;
    if not found then
      perform holdfast.refuse_point(each, asked_point, is_point_in_time);
    end if;
    return next holdfast.request_recovery(
      source, target_time,
      case
        when not is_point_in_time then null
        when target_time is null then jsonb_build_object('kind', 'latest')
        else jsonb_build_object('kind', 'time', 'value', holdfast.iso_time_exactly(target_time))
      end,
      coalesce(approval_required, true), into_target, database, restore_as
    );
  end loop;
end
$$;

COMMENT ON FUNCTION backup_mgmt.initiate_point_in_time_recovery(tenant bytea, target_time timestamp with time zone, recovery_type text, approval_required boolean, target text, into_target text, database text, restore_as text) IS 'Requests a recovery to a point in time, or says which point can be reached';

CREATE PROCEDURE backup_mgmt.refuse_recovery(IN recovery text, IN reason text DEFAULT NULL::text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform holdfast.decide_recovery(recovery, 'refused', reason);
end
$$;

COMMENT ON PROCEDURE backup_mgmt.refuse_recovery(IN recovery text, IN reason text) IS 'Ends a recovery that waits for approval';

CREATE FUNCTION backup_mgmt.schedule_backup(tenant bytea DEFAULT NULL::bytea, run_at timestamp with time zone DEFAULT (now() + '01:00:00'::interval), target text DEFAULT NULL::text, tier text DEFAULT NULL::text, method text DEFAULT NULL::text, verify boolean DEFAULT NULL::boolean) RETURNS SETOF backup_mgmt.requested_backup
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION backup_mgmt.schedule_backup(tenant bytea, run_at timestamp with time zone, target text, tier text, method text, verify boolean) IS 'Requests a backup at a later time';

CREATE FUNCTION backup_mgmt.verify_backup_integrity(tenant bytea DEFAULT NULL::bytea, backup bytea DEFAULT NULL::bytea, target text DEFAULT NULL::text) RETURNS SETOF backup_mgmt.queued_request
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION backup_mgmt.verify_backup_integrity(tenant bytea, backup bytea, target text) IS 'Requests a restore test of a backup, or of the newest one of each target';

CREATE FUNCTION holdfast.announce_request() RETURNS void
    LANGUAGE sql
    AS $$
  select pg_notify('holdfast', 'take-requests')
$$;

CREATE FUNCTION holdfast.caller() RETURNS name
    LANGUAGE sql STABLE
    AS $$
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end
$$;

CREATE FUNCTION holdfast.cron_numbers(field text, first_number integer, last_number integer, names text[] DEFAULT '{}'::text[]) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE
    AS $_$
declare
  text_field text := upper(field);
  part text;
  parts text[];
  numbers integer[] := '{}';
begin
  if field = '*' then
    return array(select generate_series(first_number, last_number));
  elsif field ~ '^\d{1,2}$' then
    return array[field::integer];
  end if;
  for i in 1 .. coalesce(array_length(names, 1), 0) loop
    text_field := replace(text_field, names[i], (first_number + i - 1)::text);
  end loop;
  foreach part in array string_to_array(text_field, ',') loop
    parts := regexp_match(part, '^(\*|\d{1,2})(?:-(\d{1,2}))?(?:/(\d{1,2}))?$');
    if parts is null or (parts[1] = '*' and parts[2] is not null) or parts[3]::integer = 0 then
      return null;
    end if;
    numbers := numbers || array(
      select generate_series(
        case parts[1] when '*' then first_number else parts[1]::integer end,
        coalesce(parts[2]::integer, case when parts[1] = '*' or parts[3] is not null then last_number else parts[1]::integer end),
        coalesce(parts[3]::integer, 1)
      )
    );
  end loop;
  return numbers;
end
$_$;

CREATE FUNCTION holdfast.cron_times(pattern text, timezone text, after timestamp with time zone, until timestamp with time zone) RETURNS SETOF timestamp with time zone
    LANGUAGE plpgsql STABLE
    AS $_$
declare
  fields constant text[] := regexp_split_to_array(trim(pattern), '\s+');
  minutes constant integer[] := holdfast.cron_numbers(fields[1], 0, 59);
  hours constant integer[] := holdfast.cron_numbers(fields[2], 0, 23);
  months constant integer[] := holdfast.cron_numbers(fields[4], 1, 12,
    array['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']);
  nth constant text[] := regexp_match(fields[5], '^([0-7])#([1-5])$');
  last_weekday constant text[] := regexp_match(upper(fields[5]), '^([0-7])L$');
  is_last_day constant boolean := upper(fields[3]) = 'L';
  days constant integer[] := case when is_last_day then '{}' else holdfast.cron_numbers(fields[3], 1, 31) end;
  weekdays constant integer[] := case
    when nth is not null then array[nth[1]::integer]
    when last_weekday is not null then array[last_weekday[1]::integer]
    else holdfast.cron_numbers(fields[5], 0, 7, array['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'])
  end;
begin
  if array_length(fields, 1) <> 5 or minutes is null or hours is null or months is null or days is null or weekdays is null then
    return next null;
    return;
  end if;
  return query
    select due.at
    from generate_series(
      ((after at time zone cron_times.timezone)::date - 1)::timestamp,
      (until at time zone cron_times.timezone)::date::timestamp,
      interval '1 day'
    ) as day
    cross join unnest(hours) as hour
    cross join unnest(minutes) as minute
    cross join lateral (select day + make_interval(hours => hour, mins => minute) as local_time) as wanted
    cross join lateral (select wanted.local_time at time zone cron_times.timezone as at) as read
    -- PostgreSQL reads a local time that comes twice as the second one; the first is as much earlier as clocks go back.
    cross join lateral (
      select min(read.at - shift) as at
      from unnest(array['0', '30 minutes', '1 hour', '2 hours']::interval[]) as shift
      where (read.at - shift) at time zone cron_times.timezone = wanted.local_time
    ) as due
    where extract(month from day)::integer = any (months)
      and (extract(day from day)::integer = any (days) or (is_last_day and extract(month from day + interval '1 day') <> extract(month from day)))
      and (extract(dow from day)::integer = any (weekdays) or (7 = any (weekdays) and extract(dow from day) = 0))
      and (nth is null or (extract(day from day)::integer - 1) / 7 + 1 = nth[2]::integer)
      and (last_weekday is null or extract(month from day + interval '7 days') <> extract(month from day))
      and due.at > cron_times.after
      and due.at <= cron_times.until
    group by due.at
    order by due.at;
end
$_$;

CREATE FUNCTION holdfast.decide_recovery(recovery text, decision text, reason text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION holdfast.hash_key(VARIADIC parts text[]) RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
  select sha256(convert_to(array_to_string(parts, e'\x1f'), 'UTF8'))
$$;

CREATE FUNCTION holdfast.invoke_take_requests() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  function_arn text := (select value from holdfast.setting where name = 'take-requests-function');
begin
  if function_arn is null
    or current_setting('holdfast.invoked_in', true) = pg_current_xact_id()::text -- one call for all rows of a transaction
    or not exists (select from pg_extension where extname = 'aws_lambda')
  then
    return null;
  end if;
  perform set_config('holdfast.invoked_in', pg_current_xact_id()::text, true);
  begin
    execute 'select aws_lambda.invoke(function_name => $1, payload => $2::json, invocation_type => $3)'
      using function_arn, '{}', 'Event';
  exception
    when others then
      raise warning 'function ''%'' was not invoked: %', function_arn, sqlerrm using hint = 'the request is taken within a minute';
  end;
  return null;
end
$_$;

CREATE FUNCTION holdfast.is_system_wide(role_name name) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  select pg_has_role(role_name, 'backup_operator', 'usage')
    or pg_has_role(role_name, (select relowner from pg_class where oid = 'holdfast.request'::regclass), 'usage')
$$;

CREATE FUNCTION holdfast.iso_time(at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
  select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE FUNCTION holdfast.iso_time_exactly(at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
  select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION holdfast.journal_key(operation text, place text, event text, at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
  select format('journal/%s/%s-%s-%s.json', operation, place, event, to_char(at at time zone 'UTC', 'YYYYMMDD"T"HH24MISSMS"Z"'))
$$;

CREATE FUNCTION holdfast.new_operation_id(at timestamp with time zone) RETURNS text
    LANGUAGE sql
    AS $$
  select to_char(at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS"Z-"') || left(gen_random_uuid()::text, 8)
$$;

CREATE FUNCTION holdfast.note_call(action text, subject text, target text, tenant_hk bytea, detail jsonb) RETURNS void
    LANGUAGE sql
    AS $$
  insert into holdfast.audit_entry (
    entry_key, occurred_at, action, subject, target, tenant_hk, actor_kind, actor_name, client_address, detail
  )
  values (
    'sql/' || gen_random_uuid(), clock_timestamp(), action, subject, target, tenant_hk,
    'sql', holdfast.caller(), host(inet_client_addr()), detail
  )
$$;

CREATE FUNCTION holdfast.note_event(event_key text, event jsonb) RETURNS void
    LANGUAGE sql
    AS $$
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

CREATE FUNCTION holdfast.queue_request(kind text, machine text, target text, tenant_hk bytea, backup_bk text, input jsonb) RETURNS backup_mgmt.queued_request
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION holdfast.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception 'the audit trail is append-only'
    using errcode = 'insufficient_privilege', hint = 'put a correction beside it, as an entry of its own';
end
$$;

CREATE TABLE holdfast.target (
    target text NOT NULL,
    engine text NOT NULL,
    tenant_hk bytea,
    methods text[] NOT NULL,
    incremental_methods text[] NOT NULL,
    CONSTRAINT target_has_a_method CHECK ((cardinality(methods) > 0)),
    CONSTRAINT target_tenant_is_sha256 CHECK ((octet_length(tenant_hk) = 32))
);

CREATE FUNCTION holdfast.refuse_point(asked holdfast.target, asked_point timestamp with time zone, is_point_in_time boolean) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  shown_point constant text := holdfast.iso_time(asked_point);
  usable backup_mgmt.backup_execution_s;
begin
  select * into usable
  from backup_mgmt.backup_execution_s as completed
  where completed.target = asked.target
    and completed.load_end_date is null
    and completed.backup_status = 'COMPLETED'
    and completed.verification_status <> 'FAILED'
    and completed.method is distinct from 'schema'
    and completed.backup_end_time <= asked_point
  order by completed.backup_end_time desc
  limit 1;
  if is_point_in_time and found then
    raise exception 'point % of target ''%'' cannot be reached: it has no backup of its whole cluster (method ''base'') that ended before', shown_point, asked.target
      using errcode = 'ZH004', hint = format(
        'the point before it that can be reached is %s, backup %s: recovery_type => ''FULL'' restores that one',
        holdfast.iso_time(usable.backup_end_time), usable.backup_bk
      );
  end if;
  raise exception 'no completed backup of ''%'' ended by %', asked.target, shown_point
    using errcode = 'ZH005', hint = coalesce(
      (
        select format('the earliest point that can be reached is %s', holdfast.iso_time(min(completed.backup_end_time)))
        from backup_mgmt.backup_execution_s as completed
        where completed.target = asked.target and completed.load_end_date is null and completed.backup_status = 'COMPLETED'
        having count(*) > 0
      ),
      'it has no completed backup at all'
    );
end
$$;

CREATE FUNCTION holdfast.request_backup(target holdfast.target, method text, tier text, verify boolean, run_at timestamp with time zone, made_from text) RETURNS backup_mgmt.requested_backup
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION holdfast.request_backups(tenant bytea, target text, method text, tier text, verify boolean, run_at timestamp with time zone, made_from text DEFAULT NULL::text) RETURNS SETOF backup_mgmt.requested_backup
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE TABLE backup_mgmt.backup_execution_s (
    backup_hk bytea NOT NULL,
    backup_bk text NOT NULL,
    tenant_hk bytea,
    target text,
    engine text,
    method text,
    tier text,
    backup_type text,
    scheduled_time timestamp with time zone,
    requested_by_kind text,
    requested_by_name text,
    execution text,
    backup_status text NOT NULL,
    backup_start_time timestamp with time zone NOT NULL,
    backup_end_time timestamp with time zone,
    backup_duration_seconds numeric(14,3),
    backup_size_bytes bigint,
    compressed_size_bytes bigint,
    compression_ratio numeric(20,4),
    verification_status text NOT NULL,
    verification_detail text,
    error_code text,
    error_message text,
    error_hint text,
    storage_location text,
    storage_type text,
    retention_until timestamp with time zone,
    fencing_token bigint,
    load_date timestamp with time zone NOT NULL,
    load_end_date timestamp with time zone,
    record_source text NOT NULL,
    restorable_point timestamp with time zone,
    hold_since timestamp with time zone,
    hold_by text,
    hold_reason text,
    expiry_reason text,
    verified_point timestamp with time zone,
    log_point timestamp with time zone,
    log_point_seen_at timestamp with time zone,
    made_from text,
    CONSTRAINT backup_execution_s_engine_known CHECK ((engine = ANY (ARRAY['postgres'::text, 'neo4j'::text, 'redis'::text, 'application'::text]))),
    CONSTRAINT backup_execution_s_history_forward CHECK ((load_end_date > load_date)),
    CONSTRAINT backup_execution_s_sizes_not_negative CHECK (((backup_size_bytes >= 0) AND (compressed_size_bytes >= 0))),
    CONSTRAINT backup_execution_s_status_known CHECK ((backup_status = ANY (ARRAY['REQUESTED'::text, 'RUNNING'::text, 'COMPLETED'::text, 'FAILED'::text, 'EXPIRED'::text, 'DELETED'::text]))),
    CONSTRAINT backup_execution_s_storage_type_known CHECK ((storage_type = ANY (ARRAY['s3'::text, 'file'::text]))),
    CONSTRAINT backup_execution_s_tier_known CHECK ((tier = ANY (ARRAY['daily'::text, 'weekly'::text, 'monthly'::text, 'compliance'::text, 'manual'::text]))),
    CONSTRAINT backup_execution_s_type_known CHECK ((backup_type = ANY (ARRAY['FULL'::text, 'INCREMENTAL'::text, 'SCHEMA'::text]))),
    CONSTRAINT backup_execution_s_verification_known CHECK ((verification_status = ANY (ARRAY['PENDING'::text, 'VALIDATED'::text, 'VERIFIED'::text, 'FAILED'::text])))
);

CREATE FUNCTION holdfast.request_recovery(source backup_mgmt.backup_execution_s, target_time timestamp with time zone, point jsonb, approval_required boolean, into_target text, database text, restore_as text) RETURNS backup_mgmt.requested_recovery
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION holdfast.requester() RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
  select jsonb_strip_nulls(jsonb_build_object('kind', 'sql', 'name', holdfast.caller(), 'address', host(inet_client_addr())))
$$;

CREATE FUNCTION holdfast.require_configured(location text, storage_type text, compress boolean) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  configured holdfast.installation;
begin
  select * into strict configured from holdfast.installation;
  if rtrim(require_configured.location, '/') <> rtrim(configured.storage_location, '/') then
    raise exception 'backups are kept at ''%'', not at ''%''', configured.storage_location, require_configured.location
      using errcode = 'ZH003', hint = 'leave location out; the store is a setting of the installation (store)';
  end if;
  if lower(require_configured.storage_type) <> configured.storage_type then
    raise exception 'the store is of type ''%'', not ''%''', configured.storage_type, require_configured.storage_type
      using errcode = 'ZH003', hint = 'leave storage_type out; the store is a setting of the installation (store.kind)';
  end if;
  if require_configured.compress <> (configured.compression <> 'none') then
    raise exception 'backups are %', case configured.compression when 'none' then 'not compressed' else format('compressed with %s', configured.compression) end
      using errcode = 'ZH003', hint = 'leave compress out; compression is a setting of the installation (compression.algorithm)';
  end if;
end
$$;

CREATE FUNCTION holdfast.require_machine(machine text, hint text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (select from holdfast.installation where machine = any (machines)) then
    raise exception 'this installation has no ''%'' state machine', machine using errcode = 'ZH004', hint = hint;
  end if;
end
$$;

CREATE FUNCTION holdfast.require_writable() RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if pg_is_in_recovery() then
    raise exception 'this server is a standby, and takes no requests'
      using errcode = 'ZH009', hint = 'call the function on the primary';
  end if;
  if current_setting('transaction_read_only') = 'on' then
    raise exception 'this transaction is read-only, and a request is written down'
      using errcode = 'ZH009', hint = 'begin it with ''read write'', or look at default_transaction_read_only';
  end if;
end
$$;

CREATE FUNCTION holdfast.target_of_backup(tenant bytea, backup text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION holdfast.targets_for(tenant bytea, target text) RETURNS SETOF holdfast.target
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  asker constant name := holdfast.caller();
  own constant bytea[] := case when holdfast.is_system_wide(asker) then null else holdfast.tenants_of(asker) end;
  known text;
begin
  if not exists (select from holdfast.target) then
    raise exception 'no configuration has been declared to this catalog'
      using errcode = 'ZH010', hint = 'it is, within a minute after a deployment or the start of a local stack: does it run?';
  end if;
  if own = '{}' then
    raise exception 'role ''%'' stands for no tenant', asker
      using errcode = 'ZH001', hint = 'the catalog''s owner maps it: insert into holdfast.tenant_role (role_name, tenant) values (…)';
  end if;
  if targets_for.tenant is not null and not exists (
    select from holdfast.target as t
    where t.tenant_hk = targets_for.tenant and (own is null or t.tenant_hk = any (own))
  ) then
    raise exception 'no target belongs to tenant ''\x%''', encode(targets_for.tenant, 'hex')
      using errcode = 'ZH001', hint = 'a tenant''s key is sha256(convert_to(name, ''UTF8'')); leave it out for all that are yours';
  end if;
  select string_agg(quote_literal(t.target), ', ' order by t.target) into known
  from holdfast.target as t
  where (own is null or t.tenant_hk = any (own)) and (targets_for.tenant is null or t.tenant_hk = targets_for.tenant);
  if known is null then
    raise exception 'no target belongs to the tenant that role ''%'' stands for', asker
      using errcode = 'ZH001', hint = 'is the tenant''s name in holdfast.tenant_role that of the configuration?';
  end if;
  return query
    select t.* from holdfast.target as t
    where (own is null or t.tenant_hk = any (own))
      and (targets_for.tenant is null or t.tenant_hk = targets_for.tenant)
      and (targets_for.target is null or t.target = targets_for.target)
    order by t.target;
  if not found then
    raise exception 'no target is called ''%''', targets_for.target
      using errcode = 'ZH002', hint = format('there are: %s', known);
  end if;
end
$$;

CREATE FUNCTION holdfast.tenant_name(tenant_hk bytea) RETURNS text
    LANGUAGE sql STABLE
    AS $_$
  select tenant from holdfast.tenant as known where known.tenant_hk = $1
$_$;

CREATE FUNCTION holdfast.tenants_of(role_name name) RETURNS bytea[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select coalesce(array_agg(sha256(convert_to(mapped.tenant, 'UTF8'))), '{}')
  from holdfast.tenant_role as mapped
  join pg_catalog.pg_roles as role on role.rolname = mapped.role_name
  where pg_has_role($1, role.oid, 'usage')
$_$;

CREATE TABLE holdfast.audit_entry (
    entry_key text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    target text,
    tenant_hk bytea,
    actor_kind text NOT NULL,
    actor_name text,
    client_address text,
    execution text,
    detail jsonb NOT NULL,
    CONSTRAINT audit_entry_tenant_is_sha256 CHECK ((octet_length(tenant_hk) = 32))
);

CREATE VIEW backup_mgmt.audit_trail WITH (security_invoker='true') AS
 SELECT occurred_at,
    action,
    subject,
    target,
    actor_kind,
    actor_name,
    client_address,
    execution,
    detail,
    tenant_hk,
    entry_key AS record_source,
    'compliance'::text AS retention_class,
    (occurred_at + '7 years'::interval) AS retained_until
   FROM holdfast.audit_entry;

CREATE TABLE backup_mgmt.backup_execution_h (
    backup_hk bytea NOT NULL,
    backup_bk text NOT NULL,
    tenant_hk bytea,
    load_date timestamp with time zone NOT NULL,
    record_source text NOT NULL,
    CONSTRAINT backup_execution_h_hk_is_sha256 CHECK ((octet_length(backup_hk) = 32)),
    CONSTRAINT backup_execution_h_tenant_is_sha256 CHECK ((octet_length(tenant_hk) = 32))
);

CREATE TABLE backup_mgmt.backup_execution_parent_l (
    execution_parent_hk bytea NOT NULL,
    backup_hk bytea NOT NULL,
    parent_backup_hk bytea NOT NULL,
    load_date timestamp with time zone NOT NULL,
    record_source text NOT NULL,
    CONSTRAINT backup_execution_parent_l_not_itself CHECK ((backup_hk <> parent_backup_hk))
);

CREATE TABLE backup_mgmt.backup_schedule_execution_l (
    schedule_execution_hk bytea NOT NULL,
    schedule_hk bytea NOT NULL,
    backup_hk bytea NOT NULL,
    load_date timestamp with time zone NOT NULL,
    record_source text NOT NULL
);

CREATE TABLE backup_mgmt.backup_schedule_h (
    schedule_hk bytea NOT NULL,
    schedule_bk text NOT NULL,
    tenant_hk bytea,
    load_date timestamp with time zone NOT NULL,
    record_source text NOT NULL,
    CONSTRAINT backup_schedule_h_hk_is_sha256 CHECK ((octet_length(schedule_hk) = 32)),
    CONSTRAINT backup_schedule_h_tenant_is_sha256 CHECK ((octet_length(tenant_hk) = 32))
);

CREATE TABLE backup_mgmt.backup_schedule_s (
    schedule_hk bytea NOT NULL,
    schedule_bk text NOT NULL,
    tenant_hk bytea,
    target text NOT NULL,
    engine text NOT NULL,
    method text NOT NULL,
    tier text NOT NULL,
    cron_expression text NOT NULL,
    timezone text NOT NULL,
    retention_days integer NOT NULL,
    is_enabled boolean NOT NULL,
    load_date timestamp with time zone NOT NULL,
    load_end_date timestamp with time zone,
    record_source text NOT NULL,
    changed_by_kind text,
    changed_by_name text,
    CONSTRAINT backup_schedule_s_engine_known CHECK ((engine = ANY (ARRAY['postgres'::text, 'neo4j'::text, 'redis'::text, 'application'::text]))),
    CONSTRAINT backup_schedule_s_history_forward CHECK ((load_end_date > load_date)),
    CONSTRAINT backup_schedule_s_retention_positive CHECK ((retention_days > 0)),
    CONSTRAINT backup_schedule_s_tier_known CHECK ((tier = ANY (ARRAY['daily'::text, 'weekly'::text, 'monthly'::text, 'compliance'::text, 'manual'::text])))
);

CREATE VIEW backup_mgmt.backup_sizes_by_type WITH (security_invoker='true') AS
 SELECT backup_type,
    count(*) AS backups,
    sum(backup_size_bytes) AS total_size_bytes,
    sum(compressed_size_bytes) AS total_compressed_size_bytes,
    round(avg(backup_size_bytes)) AS average_size_bytes,
    round(avg(compression_ratio), 2) AS average_compression_ratio
   FROM backup_mgmt.backup_execution_s
  WHERE ((load_end_date IS NULL) AND (backup_status = 'COMPLETED'::text) AND (backup_start_time >= (now() - '30 days'::interval)))
  GROUP BY backup_type;

CREATE VIEW backup_mgmt.backup_success_by_day WITH (security_invoker='true') AS
 SELECT date_trunc('day'::text, backup_start_time) AS day,
    backup_type,
    count(*) AS backups,
    count(*) FILTER (WHERE (backup_status = 'COMPLETED'::text)) AS completed,
    count(*) FILTER (WHERE (backup_status = 'FAILED'::text)) AS failed,
    round(avg(backup_duration_seconds), 1) AS average_seconds
   FROM backup_mgmt.backup_execution_s
  WHERE ((load_end_date IS NULL) AND (backup_start_time >= (now() - '7 days'::interval)))
  GROUP BY (date_trunc('day'::text, backup_start_time)), backup_type;

CREATE VIEW backup_mgmt.backups_completed_last_24_hours WITH (security_invoker='true') AS
 SELECT backup_bk,
    target,
    tier,
    backup_type,
    backup_start_time,
    backup_end_time,
    backup_duration_seconds,
    backup_size_bytes,
    compressed_size_bytes,
    compression_ratio,
    verification_status,
    storage_location,
    retention_until,
    tenant_hk
   FROM backup_mgmt.backup_execution_s
  WHERE ((load_end_date IS NULL) AND (backup_status = 'COMPLETED'::text) AND (backup_end_time >= (now() - '24:00:00'::interval)));

CREATE VIEW backup_mgmt.failed_backups WITH (security_invoker='true') AS
 SELECT backup_bk,
    target,
    tier,
    backup_type,
    backup_start_time,
    backup_end_time,
    error_code,
    error_message,
    error_hint,
    storage_location,
    requested_by_kind,
    requested_by_name,
    execution,
    tenant_hk
   FROM backup_mgmt.backup_execution_s
  WHERE ((load_end_date IS NULL) AND (backup_status = 'FAILED'::text));

CREATE VIEW backup_mgmt.measured_rpo AS
 SELECT backup.backup_bk,
    backup.tenant_hk,
    backup.target,
    backup.backup_end_time AS measured_at,
    backup.restorable_point,
    previous.restorable_point AS previous_restorable_point,
    (LEAST(by_backups.seconds, by_log.seconds))::numeric(14,3) AS rpo_seconds,
    backup.log_point,
        CASE
            WHEN (by_log.seconds <= COALESCE(by_backups.seconds, by_log.seconds)) THEN 'log'::text
            WHEN (by_backups.seconds IS NOT NULL) THEN 'backup'::text
            ELSE NULL::text
        END AS measured_by
   FROM (((backup_mgmt.backup_execution_s backup
     LEFT JOIN LATERAL ( SELECT earlier.restorable_point
           FROM backup_mgmt.backup_execution_s earlier
          WHERE ((earlier.load_end_date IS NULL) AND (earlier.backup_status = 'COMPLETED'::text) AND (earlier.verification_status <> 'FAILED'::text) AND (earlier.method IS DISTINCT FROM 'schema'::text) AND (earlier.target = backup.target) AND (earlier.restorable_point < backup.restorable_point))
          ORDER BY earlier.restorable_point DESC
         LIMIT 1) previous ON (true))
     CROSS JOIN LATERAL ( SELECT EXTRACT(epoch FROM (backup.backup_end_time - previous.restorable_point)) AS seconds) by_backups)
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (backup.log_point IS NOT NULL) THEN GREATEST((0)::numeric, EXTRACT(epoch FROM (backup.log_point_seen_at - backup.log_point)))
                    ELSE NULL::numeric
                END AS seconds) by_log)
  WHERE ((backup.load_end_date IS NULL) AND (backup.backup_status = 'COMPLETED'::text) AND (backup.verification_status <> 'FAILED'::text) AND (backup.method IS DISTINCT FROM 'schema'::text) AND (backup.made_from IS NULL));

CREATE TABLE backup_mgmt.recovery_operation_execution_l (
    recovery_execution_hk bytea NOT NULL,
    recovery_hk bytea NOT NULL,
    backup_hk bytea NOT NULL,
    load_date timestamp with time zone NOT NULL,
    record_source text NOT NULL
);

CREATE TABLE backup_mgmt.recovery_operation_s (
    recovery_hk bytea NOT NULL,
    recovery_bk text NOT NULL,
    tenant_hk bytea,
    target text,
    destination text,
    recovery_type text,
    recovery_target_time timestamp with time zone,
    requested_by_kind text,
    requested_by_name text,
    execution text,
    recovery_status text NOT NULL,
    recovery_start_time timestamp with time zone NOT NULL,
    recovery_end_time timestamp with time zone,
    recovery_duration_seconds numeric(14,3),
    restored_size_bytes bigint,
    is_compared boolean NOT NULL,
    error_code text,
    error_message text,
    error_hint text,
    load_date timestamp with time zone NOT NULL,
    load_end_date timestamp with time zone,
    record_source text NOT NULL,
    restore_seconds numeric(14,3),
    reached_time timestamp with time zone,
    reached_lsn text,
    reached_timeline bigint,
    proof text,
    CONSTRAINT recovery_operation_s_history_forward CHECK ((load_end_date > load_date)),
    CONSTRAINT recovery_operation_s_proof_known CHECK ((proof = ANY (ARRAY['compared'::text, 'loaded'::text, 'examined'::text, 'recovered'::text, 'unpacked'::text]))),
    CONSTRAINT recovery_operation_s_sizes_not_negative CHECK ((restored_size_bytes >= 0)),
    CONSTRAINT recovery_operation_s_status_known CHECK ((recovery_status = ANY (ARRAY['REQUESTED'::text, 'RUNNING'::text, 'COMPLETED'::text, 'FAILED'::text]))),
    CONSTRAINT recovery_operation_s_type_known CHECK ((recovery_type = ANY (ARRAY['FULL'::text, 'POINT_IN_TIME'::text])))
);

CREATE TABLE backup_mgmt.validation_results (
    validation_bk text NOT NULL,
    backup_hk bytea NOT NULL,
    backup_bk text NOT NULL,
    tenant_hk bytea,
    target text NOT NULL,
    validation_type text NOT NULL,
    validation_status text NOT NULL,
    validation_timestamp timestamp with time zone NOT NULL,
    validation_start_time timestamp with time zone NOT NULL,
    validation_end_time timestamp with time zone,
    validation_duration_seconds numeric(14,3),
    objects_checked bigint,
    bytes_read bigint,
    databases_restored integer,
    tables_compared bigint,
    rows_compared bigint,
    relations_checked bigint,
    assertions_checked integer,
    server_version text,
    rto_seconds numeric(14,3),
    restore_seconds numeric(14,3),
    reason text,
    error_code text,
    error_message text,
    error_hint text,
    requested_by_kind text NOT NULL,
    requested_by_name text,
    execution text,
    load_date timestamp with time zone NOT NULL,
    record_source text NOT NULL,
    CONSTRAINT validation_results_hk_is_sha256 CHECK ((octet_length(backup_hk) = 32)),
    CONSTRAINT validation_results_status_known CHECK ((validation_status = ANY (ARRAY['RUNNING'::text, 'PASSED'::text, 'FAILED'::text, 'NOT_TESTABLE'::text, 'ERROR'::text]))),
    CONSTRAINT validation_results_tenant_is_sha256 CHECK ((octet_length(tenant_hk) = 32)),
    CONSTRAINT validation_results_type_known CHECK ((validation_type = ANY (ARRAY['full'::text, 'sample'::text, 'restore-test'::text])))
);

CREATE VIEW backup_mgmt.measured_rto AS
 SELECT 'recovery'::text AS measured_by,
    recovery.recovery_bk AS operation_bk,
    recovery.tenant_hk,
    recovery.target,
    backup.backup_bk,
    recovery.recovery_end_time AS measured_at,
    recovery.recovery_duration_seconds AS rto_seconds,
    recovery.restore_seconds,
    recovery.restored_size_bytes AS restored_bytes,
    round(((recovery.restored_size_bytes)::numeric / NULLIF(recovery.restore_seconds, (0)::numeric))) AS bytes_per_second
   FROM ((backup_mgmt.recovery_operation_s recovery
     LEFT JOIN backup_mgmt.recovery_operation_execution_l link ON ((link.recovery_hk = recovery.recovery_hk)))
     LEFT JOIN backup_mgmt.backup_execution_h backup ON ((backup.backup_hk = link.backup_hk)))
  WHERE ((recovery.load_end_date IS NULL) AND (recovery.recovery_status = 'COMPLETED'::text))
UNION ALL
 SELECT 'restore-test'::text AS measured_by,
    validation_results.validation_bk AS operation_bk,
    validation_results.tenant_hk,
    validation_results.target,
    validation_results.backup_bk,
    validation_results.validation_end_time AS measured_at,
    validation_results.rto_seconds,
    validation_results.restore_seconds,
    validation_results.bytes_read AS restored_bytes,
    round(((validation_results.bytes_read)::numeric / NULLIF(validation_results.restore_seconds, (0)::numeric))) AS bytes_per_second
   FROM backup_mgmt.validation_results
  WHERE ((validation_results.validation_type = 'restore-test'::text) AND (validation_results.rto_seconds IS NOT NULL));

CREATE TABLE backup_mgmt.recovery_operation_h (
    recovery_hk bytea NOT NULL,
    recovery_bk text NOT NULL,
    tenant_hk bytea,
    load_date timestamp with time zone NOT NULL,
    record_source text NOT NULL,
    CONSTRAINT recovery_operation_h_hk_is_sha256 CHECK ((octet_length(recovery_hk) = 32)),
    CONSTRAINT recovery_operation_h_tenant_is_sha256 CHECK ((octet_length(tenant_hk) = 32))
);

CREATE TABLE holdfast.approval_wait (
    request_bk text NOT NULL,
    task_token text NOT NULL,
    waits_since timestamp with time zone NOT NULL,
    waits_until timestamp with time zone NOT NULL
);

CREATE TABLE holdfast.request (
    request_bk text NOT NULL,
    kind text NOT NULL,
    target text,
    method text,
    tier text,
    is_verification_asked boolean DEFAULT false NOT NULL,
    tenant_hk bytea,
    requested_by text NOT NULL,
    requested_login text DEFAULT SESSION_USER NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    run_at timestamp with time zone NOT NULL,
    scheduled_time timestamp with time zone,
    needs_approval boolean DEFAULT false NOT NULL,
    approved_by text,
    machine text NOT NULL,
    execution text NOT NULL,
    input jsonb NOT NULL,
    events jsonb[] DEFAULT '{}'::jsonb[] NOT NULL,
    status text DEFAULT 'QUEUED'::text NOT NULL,
    taken_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    waits_for text,
    ended_at timestamp with time zone,
    error_code text,
    error_message text,
    error_hint text,
    refused_by text,
    is_startable boolean GENERATED ALWAYS AS (((NOT needs_approval) OR (approved_by IS NOT NULL) OR (machine = 'recovery'::text))) STORED NOT NULL,
    is_undecided boolean GENERATED ALWAYS AS ((needs_approval AND (approved_by IS NULL) AND (refused_by IS NULL) AND (status = ANY (ARRAY['QUEUED'::text, 'TAKEN'::text, 'STARTED'::text])))) STORED NOT NULL,
    looked_at timestamp with time zone,
    made_from text,
    CONSTRAINT request_kind_known CHECK ((kind = ANY (ARRAY['backup'::text, 'recovery'::text, 'verification'::text, 'cleanup'::text]))),
    CONSTRAINT request_status_known CHECK ((status = ANY (ARRAY['QUEUED'::text, 'TAKEN'::text, 'STARTED'::text, 'ENDED'::text, 'FAILED'::text]))),
    CONSTRAINT request_tenant_is_sha256 CHECK ((octet_length(tenant_hk) = 32))
);

CREATE VIEW backup_mgmt.requests WITH (security_invoker='true') AS
 SELECT r.request_bk,
    r.kind,
    r.target,
    r.method,
    r.tier,
        CASE
            WHEN (r.is_undecided AND (COALESCE(o.recovery_status, 'REQUESTED'::text) = 'REQUESTED'::text)) THEN 'WAITING_FOR_APPROVAL'::text
            WHEN ((r.status = 'QUEUED'::text) AND (r.run_at > now())) THEN 'SCHEDULED'::text
            WHEN (r.status = 'TAKEN'::text) THEN
            CASE
                WHEN (r.waits_for IS NULL) THEN 'TAKEN'::text
                ELSE 'WAITING'::text
            END
            WHEN (r.status = ANY (ARRAY['STARTED'::text, 'ENDED'::text])) THEN COALESCE(b.backup_status, o.recovery_status, r.status)
            ELSE r.status
        END AS request_status,
    r.requested_by,
    r.requested_at,
    r.run_at,
    r.approved_by,
    r.waits_for,
        CASE
            WHEN ((r.status = 'QUEUED'::text) AND r.is_startable AND (r.run_at <= now())) THEN (round(EXTRACT(epoch FROM (now() - r.run_at))))::bigint
            ELSE NULL::bigint
        END AS untaken_seconds,
    r.attempts,
    r.execution,
    COALESCE(r.error_code, b.error_code, o.error_code) AS error_code,
    COALESCE(r.error_message, b.error_message, o.error_message) AS error_message,
    COALESCE(r.error_hint, b.error_hint, o.error_hint) AS error_hint,
    r.tenant_hk,
    r.refused_by,
    w.waits_since AS approval_awaited_since,
    w.waits_until AS approval_awaited_until
   FROM (((holdfast.request r
     LEFT JOIN backup_mgmt.backup_execution_s b ON (((r.kind = 'backup'::text) AND (b.backup_hk = sha256(convert_to(r.request_bk, 'UTF8'::name))) AND (b.load_end_date IS NULL))))
     LEFT JOIN backup_mgmt.recovery_operation_s o ON (((r.kind = 'recovery'::text) AND (o.recovery_hk = sha256(convert_to(r.request_bk, 'UTF8'::name))) AND (o.load_end_date IS NULL))))
     LEFT JOIN holdfast.approval_wait w ON ((r.is_undecided AND (w.request_bk = r.request_bk) AND (COALESCE(o.recovery_status, 'REQUESTED'::text) = 'REQUESTED'::text))));

CREATE TABLE holdfast.applied_event (
    event_key text NOT NULL,
    operation text NOT NULL,
    event_name text NOT NULL,
    payload jsonb NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE holdfast.installation (
    only_one boolean DEFAULT true NOT NULL,
    storage_type text NOT NULL,
    storage_location text NOT NULL,
    compression text NOT NULL,
    machines text[] NOT NULL,
    record_source text NOT NULL,
    CONSTRAINT installation_only_one CHECK (only_one)
);

CREATE TABLE holdfast.migration (
    version integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE holdfast.setting (
    name text NOT NULL,
    value text NOT NULL,
    CONSTRAINT setting_known CHECK ((name = 'take-requests-function'::text))
);

CREATE TABLE holdfast.tenant (
    tenant_hk bytea NOT NULL,
    tenant text NOT NULL
);

CREATE TABLE holdfast.tenant_role (
    role_name name NOT NULL,
    tenant text NOT NULL
);

ALTER TABLE ONLY backup_mgmt.backup_execution_h
    ADD CONSTRAINT backup_execution_h_bk_unique UNIQUE (backup_bk);

ALTER TABLE ONLY backup_mgmt.backup_execution_h
    ADD CONSTRAINT backup_execution_h_pk PRIMARY KEY (backup_hk);

ALTER TABLE ONLY backup_mgmt.backup_execution_parent_l
    ADD CONSTRAINT backup_execution_parent_l_pair_unique UNIQUE (backup_hk, parent_backup_hk);

ALTER TABLE ONLY backup_mgmt.backup_execution_parent_l
    ADD CONSTRAINT backup_execution_parent_l_pk PRIMARY KEY (execution_parent_hk);

ALTER TABLE ONLY backup_mgmt.backup_execution_s
    ADD CONSTRAINT backup_execution_s_pk PRIMARY KEY (backup_hk, load_date);

ALTER TABLE ONLY backup_mgmt.backup_schedule_execution_l
    ADD CONSTRAINT backup_schedule_execution_l_pair_unique UNIQUE (schedule_hk, backup_hk);

ALTER TABLE ONLY backup_mgmt.backup_schedule_execution_l
    ADD CONSTRAINT backup_schedule_execution_l_pk PRIMARY KEY (schedule_execution_hk);

ALTER TABLE ONLY backup_mgmt.backup_schedule_h
    ADD CONSTRAINT backup_schedule_h_bk_unique UNIQUE (schedule_bk);

ALTER TABLE ONLY backup_mgmt.backup_schedule_h
    ADD CONSTRAINT backup_schedule_h_pk PRIMARY KEY (schedule_hk);

ALTER TABLE ONLY backup_mgmt.backup_schedule_s
    ADD CONSTRAINT backup_schedule_s_pk PRIMARY KEY (schedule_hk, load_date);

ALTER TABLE ONLY backup_mgmt.recovery_operation_execution_l
    ADD CONSTRAINT recovery_operation_execution_l_pair_unique UNIQUE (recovery_hk, backup_hk);

ALTER TABLE ONLY backup_mgmt.recovery_operation_execution_l
    ADD CONSTRAINT recovery_operation_execution_l_pk PRIMARY KEY (recovery_execution_hk);

ALTER TABLE ONLY backup_mgmt.recovery_operation_h
    ADD CONSTRAINT recovery_operation_h_bk_unique UNIQUE (recovery_bk);

ALTER TABLE ONLY backup_mgmt.recovery_operation_h
    ADD CONSTRAINT recovery_operation_h_pk PRIMARY KEY (recovery_hk);

ALTER TABLE ONLY backup_mgmt.recovery_operation_s
    ADD CONSTRAINT recovery_operation_s_pk PRIMARY KEY (recovery_hk, load_date);

ALTER TABLE ONLY backup_mgmt.validation_results
    ADD CONSTRAINT validation_results_pk PRIMARY KEY (validation_bk);

ALTER TABLE ONLY holdfast.applied_event
    ADD CONSTRAINT applied_event_pk PRIMARY KEY (event_key);

ALTER TABLE ONLY holdfast.approval_wait
    ADD CONSTRAINT approval_wait_pk PRIMARY KEY (request_bk);

ALTER TABLE ONLY holdfast.audit_entry
    ADD CONSTRAINT audit_entry_pk PRIMARY KEY (entry_key);

ALTER TABLE ONLY holdfast.installation
    ADD CONSTRAINT installation_pk PRIMARY KEY (only_one);

ALTER TABLE ONLY holdfast.migration
    ADD CONSTRAINT migration_pk PRIMARY KEY (version);

ALTER TABLE ONLY holdfast.request
    ADD CONSTRAINT request_pk PRIMARY KEY (request_bk);

ALTER TABLE ONLY holdfast.setting
    ADD CONSTRAINT setting_pk PRIMARY KEY (name);

ALTER TABLE ONLY holdfast.target
    ADD CONSTRAINT target_pk PRIMARY KEY (target);

ALTER TABLE ONLY holdfast.tenant
    ADD CONSTRAINT tenant_pk PRIMARY KEY (tenant_hk);

ALTER TABLE ONLY holdfast.tenant_role
    ADD CONSTRAINT tenant_role_pk PRIMARY KEY (role_name, tenant);

CREATE INDEX backup_execution_parent_l_parent ON backup_mgmt.backup_execution_parent_l USING btree (parent_backup_hk);

CREATE UNIQUE INDEX backup_execution_s_current ON backup_mgmt.backup_execution_s USING btree (backup_hk) WHERE (load_end_date IS NULL);

CREATE INDEX backup_execution_s_execution ON backup_mgmt.backup_execution_s USING btree (execution) WHERE (load_end_date IS NULL);

CREATE INDEX backup_execution_s_failed ON backup_mgmt.backup_execution_s USING btree (error_code, backup_end_time) WHERE ((load_end_date IS NULL) AND (backup_status = 'FAILED'::text));

CREATE INDEX backup_execution_s_last_completed ON backup_mgmt.backup_execution_s USING btree (target, tier, backup_end_time DESC) WHERE ((load_end_date IS NULL) AND (backup_status = 'COMPLETED'::text));

CREATE INDEX backup_execution_s_load_date ON backup_mgmt.backup_execution_s USING btree (load_date);

CREATE INDEX backup_execution_s_newest_completed ON backup_mgmt.backup_execution_s USING btree (target, backup_end_time DESC) WHERE ((load_end_date IS NULL) AND (backup_status = 'COMPLETED'::text));

CREATE INDEX backup_execution_s_restorable ON backup_mgmt.backup_execution_s USING btree (target, restorable_point) WHERE ((load_end_date IS NULL) AND (backup_status = 'COMPLETED'::text));

CREATE INDEX backup_execution_s_retention ON backup_mgmt.backup_execution_s USING btree (retention_until) WHERE ((load_end_date IS NULL) AND (backup_status = ANY (ARRAY['COMPLETED'::text, 'FAILED'::text])));

CREATE INDEX backup_execution_s_scheduled_time ON backup_mgmt.backup_execution_s USING btree (scheduled_time, target) WHERE ((load_end_date IS NULL) AND (scheduled_time IS NOT NULL));

CREATE INDEX backup_execution_s_start_time ON backup_mgmt.backup_execution_s USING btree (backup_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX backup_execution_s_status ON backup_mgmt.backup_execution_s USING btree (backup_status, backup_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX backup_execution_s_target ON backup_mgmt.backup_execution_s USING btree (target, backup_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX backup_execution_s_tenant ON backup_mgmt.backup_execution_s USING btree (tenant_hk, backup_start_time) WHERE ((load_end_date IS NULL) AND (tenant_hk IS NOT NULL));

CREATE INDEX backup_execution_s_verification ON backup_mgmt.backup_execution_s USING btree (verification_status, backup_end_time) WHERE ((load_end_date IS NULL) AND (backup_status = 'COMPLETED'::text));

CREATE INDEX backup_execution_s_verified ON backup_mgmt.backup_execution_s USING btree (target, restorable_point) WHERE ((load_end_date IS NULL) AND (backup_status = 'COMPLETED'::text) AND (verification_status = 'VERIFIED'::text));

CREATE INDEX backup_execution_s_verified_point ON backup_mgmt.backup_execution_s USING btree (target, verified_point) WHERE ((load_end_date IS NULL) AND (verified_point IS NOT NULL));

CREATE INDEX backup_schedule_execution_l_backup ON backup_mgmt.backup_schedule_execution_l USING btree (backup_hk);

CREATE UNIQUE INDEX backup_schedule_s_current ON backup_mgmt.backup_schedule_s USING btree (schedule_hk) WHERE (load_end_date IS NULL);

CREATE INDEX backup_schedule_s_target ON backup_mgmt.backup_schedule_s USING btree (target, tier) WHERE (load_end_date IS NULL);

CREATE INDEX recovery_operation_execution_l_backup ON backup_mgmt.recovery_operation_execution_l USING btree (backup_hk);

CREATE UNIQUE INDEX recovery_operation_s_current ON backup_mgmt.recovery_operation_s USING btree (recovery_hk) WHERE (load_end_date IS NULL);

CREATE INDEX recovery_operation_s_start_time ON backup_mgmt.recovery_operation_s USING btree (recovery_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX recovery_operation_s_status ON backup_mgmt.recovery_operation_s USING btree (recovery_status, recovery_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX recovery_operation_s_target ON backup_mgmt.recovery_operation_s USING btree (target, recovery_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX validation_results_backup ON backup_mgmt.validation_results USING btree (backup_bk, validation_timestamp);

CREATE INDEX validation_results_restore_test ON backup_mgmt.validation_results USING btree (target, validation_timestamp) WHERE ((validation_type = 'restore-test'::text) AND (validation_status <> 'RUNNING'::text));

CREATE INDEX validation_results_timestamp ON backup_mgmt.validation_results USING btree (validation_timestamp);

CREATE INDEX applied_event_declarations ON holdfast.applied_event USING btree (event_name) WHERE (event_name = 'schedules-declared'::text);

CREATE INDEX applied_event_operation ON holdfast.applied_event USING btree (operation);

CREATE INDEX applied_event_schedule_changes ON holdfast.applied_event USING btree (event_name) WHERE (event_name = 'schedule-changed'::text);

CREATE INDEX applied_event_targets ON holdfast.applied_event USING btree (((payload ->> 'at'::text))) WHERE (event_name = 'targets-declared'::text);

CREATE INDEX audit_entry_actor ON holdfast.audit_entry USING btree (actor_name, occurred_at);

CREATE INDEX audit_entry_occurred_at ON holdfast.audit_entry USING btree (occurred_at);

CREATE INDEX audit_entry_subject ON holdfast.audit_entry USING btree (subject, occurred_at);

CREATE INDEX audit_entry_tenant ON holdfast.audit_entry USING btree (tenant_hk, occurred_at) WHERE (tenant_hk IS NOT NULL);

CREATE INDEX request_queue ON holdfast.request USING btree (run_at, request_bk) WHERE (status = ANY (ARRAY['QUEUED'::text, 'TAKEN'::text, 'STARTED'::text]));

CREATE INDEX request_requested_at ON holdfast.request USING btree (requested_at);

CREATE INDEX request_tenant ON holdfast.request USING btree (tenant_hk, requested_at) WHERE (tenant_hk IS NOT NULL);

CREATE UNIQUE INDEX request_waiting ON holdfast.request USING btree (target, method, tier, is_verification_asked, COALESCE(scheduled_time, '-infinity'::timestamp with time zone), COALESCE(made_from, ''::text)) WHERE ((kind = 'backup'::text) AND (status = 'QUEUED'::text));

CREATE TRIGGER audit_entry_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON holdfast.audit_entry FOR EACH STATEMENT EXECUTE FUNCTION holdfast.refuse_change();

CREATE CONSTRAINT TRIGGER decision_is_passed_on_at_once AFTER UPDATE ON holdfast.request DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((new.approved_by IS DISTINCT FROM old.approved_by) OR (new.refused_by IS DISTINCT FROM old.refused_by))) EXECUTE FUNCTION holdfast.invoke_take_requests();

CREATE CONSTRAINT TRIGGER request_is_taken_at_once AFTER INSERT ON holdfast.request DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((new.status = 'QUEUED'::text) AND new.is_startable)) EXECUTE FUNCTION holdfast.invoke_take_requests();

ALTER TABLE ONLY backup_mgmt.backup_execution_parent_l
    ADD CONSTRAINT backup_execution_parent_l_backup FOREIGN KEY (backup_hk) REFERENCES backup_mgmt.backup_execution_h(backup_hk);

ALTER TABLE ONLY backup_mgmt.backup_execution_parent_l
    ADD CONSTRAINT backup_execution_parent_l_parent FOREIGN KEY (parent_backup_hk) REFERENCES backup_mgmt.backup_execution_h(backup_hk);

ALTER TABLE ONLY backup_mgmt.backup_execution_s
    ADD CONSTRAINT backup_execution_s_hub FOREIGN KEY (backup_hk) REFERENCES backup_mgmt.backup_execution_h(backup_hk);

ALTER TABLE ONLY backup_mgmt.backup_schedule_execution_l
    ADD CONSTRAINT backup_schedule_execution_l_backup FOREIGN KEY (backup_hk) REFERENCES backup_mgmt.backup_execution_h(backup_hk);

ALTER TABLE ONLY backup_mgmt.backup_schedule_execution_l
    ADD CONSTRAINT backup_schedule_execution_l_schedule FOREIGN KEY (schedule_hk) REFERENCES backup_mgmt.backup_schedule_h(schedule_hk);

ALTER TABLE ONLY backup_mgmt.backup_schedule_s
    ADD CONSTRAINT backup_schedule_s_hub FOREIGN KEY (schedule_hk) REFERENCES backup_mgmt.backup_schedule_h(schedule_hk);

ALTER TABLE ONLY backup_mgmt.recovery_operation_execution_l
    ADD CONSTRAINT recovery_operation_execution_l_backup FOREIGN KEY (backup_hk) REFERENCES backup_mgmt.backup_execution_h(backup_hk);

ALTER TABLE ONLY backup_mgmt.recovery_operation_execution_l
    ADD CONSTRAINT recovery_operation_execution_l_recovery FOREIGN KEY (recovery_hk) REFERENCES backup_mgmt.recovery_operation_h(recovery_hk);

ALTER TABLE ONLY backup_mgmt.recovery_operation_s
    ADD CONSTRAINT recovery_operation_s_hub FOREIGN KEY (recovery_hk) REFERENCES backup_mgmt.recovery_operation_h(recovery_hk);

ALTER TABLE ONLY holdfast.approval_wait
    ADD CONSTRAINT approval_wait_of_request FOREIGN KEY (request_bk) REFERENCES holdfast.request(request_bk) ON DELETE CASCADE;

ALTER TABLE backup_mgmt.backup_execution_h ENABLE ROW LEVEL SECURITY;

ALTER TABLE backup_mgmt.backup_execution_parent_l ENABLE ROW LEVEL SECURITY;

ALTER TABLE backup_mgmt.backup_execution_s ENABLE ROW LEVEL SECURITY;

ALTER TABLE backup_mgmt.backup_schedule_execution_l ENABLE ROW LEVEL SECURITY;

ALTER TABLE backup_mgmt.backup_schedule_h ENABLE ROW LEVEL SECURITY;

ALTER TABLE backup_mgmt.backup_schedule_s ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_tenant ON backup_mgmt.backup_execution_h FOR SELECT TO backup_tenant USING ((tenant_hk = ANY (( SELECT holdfast.tenants_of(CURRENT_USER) AS tenants_of)::bytea[])));

CREATE POLICY own_tenant ON backup_mgmt.backup_execution_parent_l FOR SELECT TO backup_tenant USING ((EXISTS ( SELECT
   FROM backup_mgmt.backup_execution_h own
  WHERE (own.backup_hk = backup_execution_parent_l.backup_hk))));

CREATE POLICY own_tenant ON backup_mgmt.backup_execution_s FOR SELECT TO backup_tenant USING ((tenant_hk = ANY (( SELECT holdfast.tenants_of(CURRENT_USER) AS tenants_of)::bytea[])));

CREATE POLICY own_tenant ON backup_mgmt.backup_schedule_execution_l FOR SELECT TO backup_tenant USING ((EXISTS ( SELECT
   FROM backup_mgmt.backup_execution_h own
  WHERE (own.backup_hk = backup_schedule_execution_l.backup_hk))));

CREATE POLICY own_tenant ON backup_mgmt.backup_schedule_h FOR SELECT TO backup_tenant USING ((tenant_hk = ANY (( SELECT holdfast.tenants_of(CURRENT_USER) AS tenants_of)::bytea[])));

CREATE POLICY own_tenant ON backup_mgmt.backup_schedule_s FOR SELECT TO backup_tenant USING ((tenant_hk = ANY (( SELECT holdfast.tenants_of(CURRENT_USER) AS tenants_of)::bytea[])));

CREATE POLICY own_tenant ON backup_mgmt.recovery_operation_execution_l FOR SELECT TO backup_tenant USING ((EXISTS ( SELECT
   FROM backup_mgmt.recovery_operation_h own
  WHERE (own.recovery_hk = recovery_operation_execution_l.recovery_hk))));

CREATE POLICY own_tenant ON backup_mgmt.recovery_operation_h FOR SELECT TO backup_tenant USING ((tenant_hk = ANY (( SELECT holdfast.tenants_of(CURRENT_USER) AS tenants_of)::bytea[])));

CREATE POLICY own_tenant ON backup_mgmt.recovery_operation_s FOR SELECT TO backup_tenant USING ((tenant_hk = ANY (( SELECT holdfast.tenants_of(CURRENT_USER) AS tenants_of)::bytea[])));

CREATE POLICY own_tenant ON backup_mgmt.validation_results FOR SELECT TO backup_tenant USING ((tenant_hk = ANY (( SELECT holdfast.tenants_of(CURRENT_USER) AS tenants_of)::bytea[])));

ALTER TABLE backup_mgmt.recovery_operation_execution_l ENABLE ROW LEVEL SECURITY;

ALTER TABLE backup_mgmt.recovery_operation_h ENABLE ROW LEVEL SECURITY;

ALTER TABLE backup_mgmt.recovery_operation_s ENABLE ROW LEVEL SECURITY;

CREATE POLICY system_wide ON backup_mgmt.backup_execution_h TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON backup_mgmt.backup_execution_parent_l TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON backup_mgmt.backup_execution_s TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON backup_mgmt.backup_schedule_execution_l TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON backup_mgmt.backup_schedule_h TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON backup_mgmt.backup_schedule_s TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON backup_mgmt.recovery_operation_execution_l TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON backup_mgmt.recovery_operation_h TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON backup_mgmt.recovery_operation_s TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON backup_mgmt.validation_results TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

ALTER TABLE backup_mgmt.validation_results ENABLE ROW LEVEL SECURITY;

ALTER TABLE holdfast.approval_wait ENABLE ROW LEVEL SECURITY;

ALTER TABLE holdfast.audit_entry ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_tenant ON holdfast.approval_wait FOR SELECT TO backup_tenant USING ((EXISTS ( SELECT
   FROM holdfast.request r
  WHERE (r.request_bk = approval_wait.request_bk))));

CREATE POLICY own_tenant ON holdfast.audit_entry FOR SELECT TO backup_tenant USING ((tenant_hk = ANY (( SELECT holdfast.tenants_of(CURRENT_USER) AS tenants_of)::bytea[])));

CREATE POLICY own_tenant ON holdfast.request FOR SELECT TO backup_tenant USING ((tenant_hk = ANY (( SELECT holdfast.tenants_of(CURRENT_USER) AS tenants_of)::bytea[])));

ALTER TABLE holdfast.request ENABLE ROW LEVEL SECURITY;

CREATE POLICY seen_by_everybody ON holdfast.approval_wait FOR SELECT TO backup_operator, holdfast_reader USING (true);

CREATE POLICY system_wide ON holdfast.approval_wait TO holdfast_writer USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON holdfast.audit_entry TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

CREATE POLICY system_wide ON holdfast.request TO backup_operator, holdfast_writer, holdfast_reader USING (true) WITH CHECK (true);

GRANT USAGE ON SCHEMA backup_mgmt TO backup_operator;
GRANT USAGE ON SCHEMA backup_mgmt TO holdfast_writer;
GRANT USAGE ON SCHEMA backup_mgmt TO holdfast_reader;
GRANT USAGE ON SCHEMA backup_mgmt TO backup_tenant;

GRANT USAGE ON SCHEMA holdfast TO holdfast_writer;
GRANT USAGE ON SCHEMA holdfast TO holdfast_reader;

REVOKE ALL ON PROCEDURE backup_mgmt.approve_recovery(IN recovery text) FROM PUBLIC;
GRANT ALL ON PROCEDURE backup_mgmt.approve_recovery(IN recovery text) TO backup_operator;

REVOKE ALL ON PROCEDURE backup_mgmt.await_backup(IN bk text, IN timeout interval, INOUT backup_status text) FROM PUBLIC;
GRANT ALL ON PROCEDURE backup_mgmt.await_backup(IN bk text, IN timeout interval, INOUT backup_status text) TO backup_operator;
GRANT ALL ON PROCEDURE backup_mgmt.await_backup(IN bk text, IN timeout interval, INOUT backup_status text) TO backup_tenant;
GRANT ALL ON PROCEDURE backup_mgmt.await_backup(IN bk text, IN timeout interval, INOUT backup_status text) TO holdfast_reader;

REVOKE ALL ON FUNCTION backup_mgmt.cleanup_expired_backups(tenant bytea, target text, dry_run boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION backup_mgmt.cleanup_expired_backups(tenant bytea, target text, dry_run boolean) TO backup_operator;
GRANT ALL ON FUNCTION backup_mgmt.cleanup_expired_backups(tenant bytea, target text, dry_run boolean) TO backup_tenant;

REVOKE ALL ON FUNCTION backup_mgmt.create_full_backup(tenant bytea, location text, storage_type text, compress boolean, verify boolean, target text, tier text, method text, made_from text) FROM PUBLIC;
GRANT ALL ON FUNCTION backup_mgmt.create_full_backup(tenant bytea, location text, storage_type text, compress boolean, verify boolean, target text, tier text, method text, made_from text) TO backup_operator;
GRANT ALL ON FUNCTION backup_mgmt.create_full_backup(tenant bytea, location text, storage_type text, compress boolean, verify boolean, target text, tier text, method text, made_from text) TO backup_tenant;

REVOKE ALL ON FUNCTION backup_mgmt.create_incremental_backup(tenant bytea, base bytea, location text, target text) FROM PUBLIC;
GRANT ALL ON FUNCTION backup_mgmt.create_incremental_backup(tenant bytea, base bytea, location text, target text) TO backup_operator;
GRANT ALL ON FUNCTION backup_mgmt.create_incremental_backup(tenant bytea, base bytea, location text, target text) TO backup_tenant;

REVOKE ALL ON FUNCTION backup_mgmt.get_next_scheduled_backups(hours integer) FROM PUBLIC;
GRANT ALL ON FUNCTION backup_mgmt.get_next_scheduled_backups(hours integer) TO backup_operator;
GRANT ALL ON FUNCTION backup_mgmt.get_next_scheduled_backups(hours integer) TO backup_tenant;
GRANT ALL ON FUNCTION backup_mgmt.get_next_scheduled_backups(hours integer) TO holdfast_reader;

REVOKE ALL ON FUNCTION backup_mgmt.initiate_point_in_time_recovery(tenant bytea, target_time timestamp with time zone, recovery_type text, approval_required boolean, target text, into_target text, database text, restore_as text) FROM PUBLIC;
GRANT ALL ON FUNCTION backup_mgmt.initiate_point_in_time_recovery(tenant bytea, target_time timestamp with time zone, recovery_type text, approval_required boolean, target text, into_target text, database text, restore_as text) TO backup_operator;
GRANT ALL ON FUNCTION backup_mgmt.initiate_point_in_time_recovery(tenant bytea, target_time timestamp with time zone, recovery_type text, approval_required boolean, target text, into_target text, database text, restore_as text) TO backup_tenant;

REVOKE ALL ON PROCEDURE backup_mgmt.refuse_recovery(IN recovery text, IN reason text) FROM PUBLIC;
GRANT ALL ON PROCEDURE backup_mgmt.refuse_recovery(IN recovery text, IN reason text) TO backup_operator;

REVOKE ALL ON FUNCTION backup_mgmt.schedule_backup(tenant bytea, run_at timestamp with time zone, target text, tier text, method text, verify boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION backup_mgmt.schedule_backup(tenant bytea, run_at timestamp with time zone, target text, tier text, method text, verify boolean) TO backup_operator;
GRANT ALL ON FUNCTION backup_mgmt.schedule_backup(tenant bytea, run_at timestamp with time zone, target text, tier text, method text, verify boolean) TO backup_tenant;

REVOKE ALL ON FUNCTION backup_mgmt.verify_backup_integrity(tenant bytea, backup bytea, target text) FROM PUBLIC;
GRANT ALL ON FUNCTION backup_mgmt.verify_backup_integrity(tenant bytea, backup bytea, target text) TO backup_operator;
GRANT ALL ON FUNCTION backup_mgmt.verify_backup_integrity(tenant bytea, backup bytea, target text) TO backup_tenant;

REVOKE ALL ON FUNCTION holdfast.announce_request() FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.caller() FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.cron_numbers(field text, first_number integer, last_number integer, names text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.cron_times(pattern text, timezone text, after timestamp with time zone, until timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.decide_recovery(recovery text, decision text, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.hash_key(VARIADIC parts text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.invoke_take_requests() FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.is_system_wide(role_name name) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.iso_time(at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.journal_key(operation text, place text, event text, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.new_operation_id(at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION holdfast.new_operation_id(at timestamp with time zone) TO holdfast_writer;

REVOKE ALL ON FUNCTION holdfast.note_call(action text, subject text, target text, tenant_hk bytea, detail jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.note_event(event_key text, event jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION holdfast.note_event(event_key text, event jsonb) TO holdfast_writer;

REVOKE ALL ON FUNCTION holdfast.queue_request(kind text, machine text, target text, tenant_hk bytea, backup_bk text, input jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.refuse_change() FROM PUBLIC;

GRANT SELECT,INSERT,DELETE ON TABLE holdfast.target TO holdfast_writer;
GRANT SELECT ON TABLE holdfast.target TO holdfast_reader;

REVOKE ALL ON FUNCTION holdfast.request_backup(target holdfast.target, method text, tier text, verify boolean, run_at timestamp with time zone, made_from text) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.request_backups(tenant bytea, target text, method text, tier text, verify boolean, run_at timestamp with time zone, made_from text) FROM PUBLIC;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_execution_s TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_execution_s TO holdfast_reader;
GRANT SELECT,INSERT,DELETE ON TABLE backup_mgmt.backup_execution_s TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.backup_execution_s TO backup_tenant;

GRANT UPDATE(load_end_date) ON TABLE backup_mgmt.backup_execution_s TO holdfast_writer;

REVOKE ALL ON FUNCTION holdfast.requester() FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.require_configured(location text, storage_type text, compress boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.require_machine(machine text, hint text) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.require_writable() FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.target_of_backup(tenant bytea, backup text) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.targets_for(tenant bytea, target text) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.tenant_name(tenant_hk bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION holdfast.tenants_of(role_name name) FROM PUBLIC;
GRANT ALL ON FUNCTION holdfast.tenants_of(role_name name) TO backup_tenant;

GRANT SELECT,INSERT ON TABLE holdfast.audit_entry TO holdfast_writer;
GRANT SELECT ON TABLE holdfast.audit_entry TO holdfast_reader;
GRANT SELECT ON TABLE holdfast.audit_entry TO backup_operator;
GRANT SELECT ON TABLE holdfast.audit_entry TO backup_tenant;

GRANT SELECT ON TABLE backup_mgmt.audit_trail TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.audit_trail TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.audit_trail TO holdfast_reader;
GRANT SELECT ON TABLE backup_mgmt.audit_trail TO backup_tenant;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_execution_h TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_execution_h TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.backup_execution_h TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.backup_execution_h TO backup_tenant;

GRANT UPDATE(tenant_hk) ON TABLE backup_mgmt.backup_execution_h TO holdfast_writer;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.backup_execution_h TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.backup_execution_h TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_execution_parent_l TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_execution_parent_l TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.backup_execution_parent_l TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.backup_execution_parent_l TO backup_tenant;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.backup_execution_parent_l TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.backup_execution_parent_l TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_schedule_execution_l TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_schedule_execution_l TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.backup_schedule_execution_l TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.backup_schedule_execution_l TO backup_tenant;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.backup_schedule_execution_l TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.backup_schedule_execution_l TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_schedule_h TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_schedule_h TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.backup_schedule_h TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.backup_schedule_h TO backup_tenant;

GRANT UPDATE(tenant_hk) ON TABLE backup_mgmt.backup_schedule_h TO holdfast_writer;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.backup_schedule_h TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.backup_schedule_h TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_schedule_s TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_schedule_s TO holdfast_reader;
GRANT SELECT,INSERT,DELETE ON TABLE backup_mgmt.backup_schedule_s TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.backup_schedule_s TO backup_tenant;

GRANT UPDATE(load_end_date) ON TABLE backup_mgmt.backup_schedule_s TO holdfast_writer;

GRANT SELECT ON TABLE backup_mgmt.backup_sizes_by_type TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_sizes_by_type TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.backup_sizes_by_type TO holdfast_reader;
GRANT SELECT ON TABLE backup_mgmt.backup_sizes_by_type TO backup_tenant;

GRANT SELECT ON TABLE backup_mgmt.backup_success_by_day TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_success_by_day TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.backup_success_by_day TO holdfast_reader;
GRANT SELECT ON TABLE backup_mgmt.backup_success_by_day TO backup_tenant;

GRANT SELECT ON TABLE backup_mgmt.backups_completed_last_24_hours TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backups_completed_last_24_hours TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.backups_completed_last_24_hours TO holdfast_reader;
GRANT SELECT ON TABLE backup_mgmt.backups_completed_last_24_hours TO backup_tenant;

GRANT SELECT ON TABLE backup_mgmt.failed_backups TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.failed_backups TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.failed_backups TO holdfast_reader;
GRANT SELECT ON TABLE backup_mgmt.failed_backups TO backup_tenant;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.measured_rpo TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.measured_rpo TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.measured_rpo TO holdfast_reader;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.recovery_operation_execution_l TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.recovery_operation_execution_l TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.recovery_operation_execution_l TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.recovery_operation_execution_l TO backup_tenant;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.recovery_operation_execution_l TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.recovery_operation_execution_l TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.recovery_operation_s TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.recovery_operation_s TO holdfast_reader;
GRANT SELECT,INSERT,DELETE ON TABLE backup_mgmt.recovery_operation_s TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.recovery_operation_s TO backup_tenant;

GRANT UPDATE(load_end_date) ON TABLE backup_mgmt.recovery_operation_s TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.validation_results TO backup_operator;
GRANT SELECT,INSERT,DELETE ON TABLE backup_mgmt.validation_results TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.validation_results TO holdfast_reader;
GRANT SELECT ON TABLE backup_mgmt.validation_results TO backup_tenant;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.measured_rto TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.measured_rto TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.measured_rto TO holdfast_reader;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.recovery_operation_h TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.recovery_operation_h TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.recovery_operation_h TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.recovery_operation_h TO backup_tenant;

GRANT UPDATE(tenant_hk) ON TABLE backup_mgmt.recovery_operation_h TO holdfast_writer;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.recovery_operation_h TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.recovery_operation_h TO holdfast_writer;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE holdfast.approval_wait TO holdfast_writer;

GRANT SELECT(request_bk) ON TABLE holdfast.approval_wait TO backup_operator;
GRANT SELECT(request_bk) ON TABLE holdfast.approval_wait TO backup_tenant;
GRANT SELECT(request_bk) ON TABLE holdfast.approval_wait TO holdfast_reader;

GRANT SELECT(waits_since) ON TABLE holdfast.approval_wait TO backup_operator;
GRANT SELECT(waits_since) ON TABLE holdfast.approval_wait TO backup_tenant;
GRANT SELECT(waits_since) ON TABLE holdfast.approval_wait TO holdfast_reader;

GRANT SELECT(waits_until) ON TABLE holdfast.approval_wait TO backup_operator;
GRANT SELECT(waits_until) ON TABLE holdfast.approval_wait TO backup_tenant;
GRANT SELECT(waits_until) ON TABLE holdfast.approval_wait TO holdfast_reader;

GRANT SELECT,INSERT ON TABLE holdfast.request TO holdfast_writer;
GRANT SELECT ON TABLE holdfast.request TO holdfast_reader;
GRANT SELECT ON TABLE holdfast.request TO backup_operator;
GRANT SELECT ON TABLE holdfast.request TO backup_tenant;

GRANT UPDATE(needs_approval) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(approved_by) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(events) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(status) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(taken_at) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(attempts) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(waits_for) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(ended_at) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(error_code) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(error_message) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(error_hint) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(refused_by) ON TABLE holdfast.request TO holdfast_writer;

GRANT UPDATE(looked_at) ON TABLE holdfast.request TO holdfast_writer;

GRANT SELECT ON TABLE backup_mgmt.requests TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.requests TO holdfast_writer;
GRANT SELECT ON TABLE backup_mgmt.requests TO holdfast_reader;
GRANT SELECT ON TABLE backup_mgmt.requests TO backup_tenant;

GRANT SELECT ON TABLE holdfast.applied_event TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE holdfast.applied_event TO holdfast_writer;

GRANT SELECT,INSERT,DELETE ON TABLE holdfast.installation TO holdfast_writer;
GRANT SELECT ON TABLE holdfast.installation TO holdfast_reader;

GRANT SELECT ON TABLE holdfast.migration TO holdfast_reader;
GRANT SELECT ON TABLE holdfast.migration TO holdfast_writer;

GRANT SELECT ON TABLE holdfast.setting TO holdfast_writer;
GRANT SELECT ON TABLE holdfast.setting TO holdfast_reader;

GRANT SELECT,INSERT ON TABLE holdfast.tenant TO holdfast_writer;
GRANT SELECT ON TABLE holdfast.tenant TO holdfast_reader;

GRANT SELECT ON TABLE holdfast.tenant_role TO holdfast_writer;
GRANT SELECT ON TABLE holdfast.tenant_role TO holdfast_reader;

ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA backup_mgmt GRANT ALL ON FUNCTIONS TO backup_operator;

ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA backup_mgmt GRANT SELECT,INSERT,UPDATE ON TABLES TO backup_operator;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA backup_mgmt GRANT SELECT ON TABLES TO holdfast_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA backup_mgmt GRANT SELECT ON TABLES TO holdfast_reader;

ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA holdfast GRANT SELECT ON TABLES TO holdfast_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA holdfast GRANT SELECT ON TABLES TO holdfast_reader;
