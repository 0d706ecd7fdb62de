-- Recoveries by SQL. A recovery reaches the point that was asked for, or is refused with the point that could be reached.

create function holdfast.request_recovery(
  source backup_mgmt.backup_execution_s, target_time timestamptz, approval_required boolean,
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
    'execution', execution, 'targetTime', holdfast.iso_time(target_time)
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
      'targetTime', holdfast.iso_time(target_time)
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
    hk, bk, source.tenant_hk, source.target, destination, 'FULL', date_trunc('milliseconds', target_time), 'sql', holdfast.caller(),
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

create function backup_mgmt.initiate_point_in_time_recovery(
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
  if restore_as is not null and database is null then
    raise exception 'restore_as names one restored database'
      using errcode = 'ZH002', hint = 'say which one: database => ''…''';
  end if;
  for each in select * from holdfast.targets_for(tenant, target) loop
    -- By its end: what the backup holds was then committed, whatever its databases' snapshots were.
    select * into source
    from backup_mgmt.backup_execution_s as completed
    where completed.target = each.target
      and completed.load_end_date is null
      and completed.backup_status = 'COMPLETED'
      and completed.verification_status <> 'FAILED'
      and completed.backup_end_time <= asked_point
    order by completed.backup_end_time desc
    limit 1;
    if not found then
      raise exception 'no completed backup of ''%'' ended by %', each.target, shown_point
        using errcode = 'ZH005', hint = coalesce(
          (
            select format('the earliest point that can be reached is %s', holdfast.iso_time(min(completed.backup_end_time)))
            from backup_mgmt.backup_execution_s as completed
            where completed.target = each.target and completed.load_end_date is null and completed.backup_status = 'COMPLETED'
            having count(*) > 0
          ),
          'it has no completed backup at all'
        );
    end if;
    if upper(recovery_type) = 'POINT_IN_TIME' then
      raise exception 'point % of target ''%'' cannot be reached: its methods (%) keep no log between backups',
          shown_point, each.target, array_to_string(each.methods, ', ')
        using errcode = 'ZH004', hint = format(
          'the point before it that can be reached is %s, backup %s: recovery_type => ''FULL'' restores that one',
          holdfast.iso_time(source.backup_end_time), source.backup_bk
        );
    end if;
    return next holdfast.request_recovery(source, target_time, coalesce(approval_required, true), into_target, database, restore_as);
  end loop;
end
$$;

-- Lets a recovery that waits for approval run. The approval is an event of the recovery, journaled with its request.
create procedure backup_mgmt.approve_recovery(recovery text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  asked holdfast.request;
  approved_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  event jsonb;
begin
  perform holdfast.require_writable();
  if not holdfast.is_system_wide(holdfast.caller()) then
    raise exception 'role ''%'' may not approve recoveries', holdfast.caller()
      using errcode = 'insufficient_privilege', hint = 'a backup_operator may';
  end if;
  select * into asked from holdfast.request where request_bk = approve_recovery.recovery and kind = 'recovery' for update;
  if not found then
    raise exception 'no recovery ''%'' was requested here', approve_recovery.recovery
      using errcode = 'ZH006', hint = 'select * from backup_mgmt.requests where request_status = ''WAITING_FOR_APPROVAL''';
  end if;
  if not asked.needs_approval or asked.approved_by is not null then
    raise exception 'recovery ''%'' waits for no approval', asked.request_bk
      using errcode = 'ZH008', hint = format('its request is %s', asked.status);
  end if;
  -- By the login too: whoever may set several roles is still one person.
  if holdfast.caller() = asked.requested_by or session_user = asked.requested_by or session_user = asked.requested_login then
    raise exception 'recovery ''%'' was requested by ''%'', and is approved by somebody else', asked.request_bk, asked.requested_by
      using errcode = 'ZH008', hint = 'two people: that is what the approval is for';
  end if;
  event := jsonb_build_object(
    'event', 'recovery-approved', 'operation', asked.request_bk, 'at', holdfast.iso_time(approved_at),
    'tenant', holdfast.tenant_name(asked.tenant_hk), 'approvedBy', holdfast.requester()
  );
  perform holdfast.note_event(holdfast.journal_key(asked.request_bk, '015', 'recovery-approved', approved_at), event);
  update holdfast.request
  set approved_by = holdfast.caller(), events = events || event
  where request_bk = asked.request_bk;
  perform holdfast.announce_request();
end
$$;

-- Waits until a backup has ended. Looks again each second, with a new snapshot each time unless the caller's transaction forbids it.
create procedure backup_mgmt.await_backup(bk text, timeout interval default interval '2 hours', inout backup_status text default null)
language plpgsql
as $$
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
