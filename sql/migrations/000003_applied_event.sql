-- The journal's events that the rows of backup_mgmt were made from. The primary key is what makes applying exactly-once;
-- the payload is kept so that an event which comes late finds the others of its operation here, with no way to the store.
create table holdfast.applied_event (
  event_key text not null, -- the object's key in the store
  operation text not null,
  event_name text not null,
  payload jsonb not null,
  applied_at timestamptz not null default now(),
  constraint applied_event_pk primary key (event_key)
);

create index applied_event_operation on holdfast.applied_event (operation);
create index applied_event_declarations on holdfast.applied_event (event_name) where event_name = 'schedules-declared';
