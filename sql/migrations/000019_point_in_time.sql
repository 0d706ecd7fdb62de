-- Points in time: a backup of a whole cluster and the log after it lead to any of them. Whether the log does is seen before anything is fetched, by
-- the run itself, which ends with what is missing and the last point that can be reached.

-- The newest moment that a restore test has brought back of a backup, by the log that goes on from it.
alter table backup_mgmt.backup_execution_s add column verified_point timestamptz null;
create index backup_execution_s_verified_point on backup_mgmt.backup_execution_s (target, verified_point)
  where load_end_date is null and verified_point is not null;

-- Where a recovery ended: the time of the last transaction that it holds, its position, and the timeline that goes on from there.
alter table backup_mgmt.recovery_operation_s
  add column reached_time timestamptz null,
  add column reached_lsn text null,
  add column reached_timeline bigint null;

drop function holdfast.request_recovery(backup_mgmt.backup_execution_s, timestamptz, boolean, text, text, text);
create function holdfast.request_recovery(
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
  execution constant text := receiver || '-restore-' || bk;
  destination constant text := receiver || coalesce('/' || restore_as, '');
  requested_by constant jsonb := holdfast.requester();
  event_key constant text := holdfast.journal_key(bk, '010', 'recovery-requested', asked_at);
  event constant jsonb := jsonb_strip_nulls(jsonb_build_object(
    'event', 'recovery-requested', 'operation', bk, 'at', holdfast.iso_time(asked_at),
    'backupId', source.backup_bk, 'target', source.target, 'destination', destination, 'requestedBy', requested_by,
    'execution', execution, 'targetTime', holdfast.iso_time(target_time), 'point', point
  )) || jsonb_build_object('tenant', holdfast.tenant_name(source.tenant_hk));
begin
  insert into holdfast.request (
    request_bk, kind, target, method, tenant_hk, requested_by, requested_at, run_at, needs_approval, machine, execution, input, events
  )
  values (
    bk, 'recovery', receiver, source.method, source.tenant_hk, holdfast.caller(), asked_at, asked_at, approval_required, 'restore',
    execution,
    jsonb_strip_nulls(jsonb_build_object(
      'backup', source.backup_bk, 'target', source.target, 'into', into_target, 'databases', case when database is not null then jsonb_build_array(database) end,
      'as', restore_as, 'requestedBy', requested_by, 'recoveryId', bk, 'requestedAt', holdfast.iso_time(asked_at),
      'targetTime', holdfast.iso_time(target_time), 'point', point
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
  if not approval_required then
    perform holdfast.announce_request();
  end if;
  return (
    bk, hk, source.backup_bk, source.target, destination, 'REQUESTED', source.backup_end_time, approval_required,
    case when approval_required then format('call backup_mgmt.approve_recovery(%L), by somebody else than %I', bk, holdfast.caller()) end
  )::backup_mgmt.requested_recovery;
end
$$;

-- With the microseconds that a server counts.
create function holdfast.iso_time_exactly(at timestamptz) returns text
language sql stable
as $$
  select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Says why no backup of the target leads to the point, and which point can be reached.
create function holdfast.refuse_point(asked holdfast.target, asked_point timestamptz, is_point_in_time boolean) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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

create or replace function backup_mgmt.initiate_point_in_time_recovery(
  tenant bytea default null,
  target_time timestamptz default null,
  recovery_type text default 'POINT_IN_TIME',
  approval_required boolean default true,
  target text default null,
  into_target text default null,
  database text default null,
  restore_as text default null
) returns setof backup_mgmt.requested_recovery
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
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
