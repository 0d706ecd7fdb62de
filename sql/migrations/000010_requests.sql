-- Requests that SQL functions make. A row waits here until the function `take-requests` hands it to a state machine: at once
-- where somebody listens on channel `holdfast` or the server can invoke a function, within a minute otherwise.
--
-- A request for a backup or a recovery has its REQUESTED row in the tables from the beginning. That row is what the events
-- kept here project to, so it stays as it is when they are recorded. The events are journaled when the request is taken.
create table holdfast.request (
  request_bk text not null, -- of a backup or recovery: its own business key
  kind text not null,
  target text null, -- null: all
  method text null,
  tier text null,
  is_verification_asked boolean not null default false,
  tenant_hk bytea null,
  requested_by text not null, -- the role that called, and what its session had logged in as
  requested_login text not null default session_user,
  requested_at timestamptz not null,
  run_at timestamptz not null, -- not taken earlier
  scheduled_time timestamptz null,
  needs_approval boolean not null default false,
  approved_by text null,
  machine text not null,
  execution text not null, -- the name under which it is started: a second start is the same execution
  input jsonb not null,
  events jsonb[] not null default '{}',
  status text not null default 'QUEUED',
  taken_at timestamptz null,
  attempts integer not null default 0,
  waits_for text null, -- why it was given back
  ended_at timestamptz null,
  error_code text null,
  error_message text null,
  error_hint text null,
  constraint request_pk primary key (request_bk),
  constraint request_kind_known check (kind in ('backup', 'recovery', 'verification', 'cleanup')),
  constraint request_status_known check (status in ('QUEUED', 'TAKEN', 'STARTED', 'ENDED', 'FAILED')),
  constraint request_tenant_is_sha256 check (octet_length(tenant_hk) = 32)
);

-- A backup that waits already is what a second request for the same one gets: it begins after both were made. One row per wish.
create unique index request_waiting on holdfast.request
  (target, method, tier, is_verification_asked, coalesce(scheduled_time, '-infinity'))
  where kind = 'backup' and status = 'QUEUED';
create index request_queue on holdfast.request (run_at, request_bk) where status in ('QUEUED', 'TAKEN', 'STARTED');
create index request_requested_at on holdfast.request (requested_at);
create index request_tenant on holdfast.request (tenant_hk, requested_at) where tenant_hk is not null;

-- The rest of the columns are as they were asked for. It inserts the restore test that a backup was requested with.
grant insert on holdfast.request to holdfast_writer;
grant update (status, taken_at, attempts, waits_for, ended_at, error_code, error_message, error_hint)
  on holdfast.request to holdfast_writer;
grant select on holdfast.request to backup_operator, backup_tenant;
alter table holdfast.request enable row level security;
create policy system_wide on holdfast.request
  to backup_operator, holdfast_writer, holdfast_reader using (true) with check (true);
create policy own_tenant on holdfast.request for select to backup_tenant
  using (tenant_hk = any ((select holdfast.tenants_of(current_user))::bytea[]));

-- Tells whoever listens, when the transaction commits, that there may be something to take; the payload is the schedule that is fired early.
create function holdfast.announce_request() returns void
language sql volatile
as $$
  select pg_notify('holdfast', 'take-requests')
$$;

-- Where the server can invoke a function (the aws_lambda extension) and its owner has said which. At the commit, so that the function
-- finds the row; that it could not be invoked costs a minute at most, and is no reason to refuse the request.
create function holdfast.invoke_take_requests() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
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
$$;
create constraint trigger request_is_taken_at_once after insert on holdfast.request
  deferrable initially deferred
  for each row when (new.status = 'QUEUED' and not new.needs_approval)
  execute function holdfast.invoke_take_requests();

-- What follows without a search path of its own is called by functions that have set one, and costs next to nothing so.

-- The role that calls: what the session has set, or else what it logged in as. Within functions that run as their owner, which
-- all of ours do, current_user would be that owner. Neither can be forged: set role asks for membership.
create function holdfast.caller() returns name
language sql stable
as $$
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end
$$;

-- May the role ask for everything? Operators, the owner, superusers.
create function holdfast.is_system_wide(role_name name) returns boolean
language sql stable
as $$
  select pg_has_role(role_name, 'backup_operator', 'usage')
    or pg_has_role(role_name, (select relowner from pg_class where oid = 'holdfast.request'::regclass), 'usage')
$$;

-- As lib/core/ids.ts makes them.
create function holdfast.new_operation_id(at timestamptz) returns text
language sql volatile
as $$
  select to_char(at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS"Z-"') || left(gen_random_uuid()::text, 8)
$$;

create function holdfast.iso_time(at timestamptz) returns text
language sql stable
as $$
  select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- As lib/core/journal.ts makes them.
create function holdfast.journal_key(operation text, place text, event text, at timestamptz) returns text
language sql stable
as $$
  select format('journal/%s/%s-%s-%s.json', operation, place, event, to_char(at at time zone 'UTC', 'YYYYMMDD"T"HH24MISSMS"Z"'))
$$;

create function holdfast.hash_key(variadic parts text[]) returns bytea
language sql stable
as $$
  select sha256(convert_to(array_to_string(parts, e'\x1f'), 'UTF8'))
$$;

-- What can be asked for nowhere but on a primary, in a transaction that may write.
create function holdfast.require_writable() returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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

-- The targets that the caller means, by name; at least one. A tenant gets its own ones only, and is told of others exactly what it
-- would be told of those that do not exist.
create function holdfast.targets_for(tenant bytea, target text) returns setof holdfast.target
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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

-- Refuses what contradicts the configuration: a request never changes where or how backups are kept.
create function holdfast.require_configured(location text, storage_type text, compress boolean) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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

-- Is there a state machine of this kind? A request that nothing could run is refused, not queued.
create function holdfast.require_machine(machine text, hint text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from holdfast.installation where machine = any (machines)) then
    raise exception 'this installation has no ''%'' state machine', machine using errcode = 'ZH004', hint = hint;
  end if;
end
$$;

create function holdfast.note_call(action text, subject text, target text, tenant_hk bytea, detail jsonb) returns void
language sql volatile
as $$
  insert into holdfast.audit_entry (
    entry_key, occurred_at, action, subject, target, tenant_hk, actor_kind, actor_name, client_address, detail
  )
  values (
    'sql/' || gen_random_uuid(), clock_timestamp(), action, subject, target, tenant_hk,
    'sql', holdfast.caller(), host(inet_client_addr()), detail
  )
$$;

-- Who asks, as events have it.
create function holdfast.requester() returns jsonb
language sql stable
as $$
  select jsonb_strip_nulls(jsonb_build_object('kind', 'sql', 'name', holdfast.caller(), 'address', host(inet_client_addr())))
$$;

create function holdfast.tenant_name(tenant_hk bytea) returns text
language sql stable
as $$
  select tenant from holdfast.tenant as known where known.tenant_hk = $1
$$;
