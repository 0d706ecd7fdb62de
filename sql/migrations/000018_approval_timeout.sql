-- A recovery that waits for an approval too long is given up by whoever takes requests (`expire-approvals`): its request is FAILED then, and an
-- approval that comes later is told so.
create or replace procedure backup_mgmt.approve_recovery(recovery text)
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
  if asked.error_code = 'approval-expired' then
    raise exception 'recovery ''%'' waits no more: %', asked.request_bk, asked.error_message
      using errcode = 'ZH008', hint = asked.error_hint;
  end if;
  if not asked.needs_approval or asked.approved_by is not null or asked.status <> 'QUEUED' then
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
