-- Who asked for, approved, ran, deleted or restored what, when, and from where. Entries are a projection of the journal's events, by
-- one function for all of them; calls of SQL functions that have no event (yet) put theirs in beside. Nothing here is ever
-- changed or removed: no role has the privilege, and a trigger refuses it to the owner too.
--
-- Retention class: compliance, seven years, as the journal that the entries come from.
create table holdfast.audit_entry (
  entry_key text not null, -- the event's key in the store, or sql/<uuid> for a call without an event
  occurred_at timestamptz not null,
  action text not null,
  subject text not null, -- the backup, recovery or request that it was about
  target text null,
  tenant_hk bytea null,
  actor_kind text not null,
  actor_name text null,
  client_address text null,
  execution text null,
  detail jsonb not null,
  constraint audit_entry_pk primary key (entry_key),
  constraint audit_entry_tenant_is_sha256 check (octet_length(tenant_hk) = 32)
);
create index audit_entry_occurred_at on holdfast.audit_entry (occurred_at);
create index audit_entry_subject on holdfast.audit_entry (subject, occurred_at);
create index audit_entry_actor on holdfast.audit_entry (actor_name, occurred_at);
create index audit_entry_tenant on holdfast.audit_entry (tenant_hk, occurred_at) where tenant_hk is not null;

create function holdfast.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'the audit trail is append-only'
    using errcode = 'insufficient_privilege', hint = 'put a correction beside it, as an entry of its own';
end
$$;
create trigger audit_entry_is_append_only
  before update or delete or truncate on holdfast.audit_entry
  for each statement execute function holdfast.refuse_change();

-- The entry that follows from an event. The same event gives the same entry, and a second one is none.
create function holdfast.note_event(event_key text, event jsonb) returns void
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
    event - array['at', 'event', 'operation', 'target', 'tenant', 'requestedBy', 'approvedBy', 'by', 'execution', 'schedules', 'targets']
  from coalesce(event -> 'requestedBy', event -> 'approvedBy', event -> 'by') as actor
  on conflict do nothing
$$;
revoke execute on function holdfast.note_event(text, jsonb), holdfast.refuse_change() from public;
grant execute on function holdfast.note_event(text, jsonb) to holdfast_writer;

grant insert on holdfast.audit_entry to holdfast_writer;
-- Through the view backup_mgmt.audit_trail: nobody else may name this schema.
grant select on holdfast.audit_entry to backup_operator, backup_tenant;
alter table holdfast.audit_entry enable row level security;
create policy system_wide on holdfast.audit_entry
  to backup_operator, holdfast_writer, holdfast_reader using (true) with check (true);
create policy own_tenant on holdfast.audit_entry for select to backup_tenant
  using (tenant_hk = any ((select holdfast.tenants_of(current_user))::bytea[]));

-- What happened before there was a trail.
select holdfast.note_event(event_key, payload) from holdfast.applied_event;
