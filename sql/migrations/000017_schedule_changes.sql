-- Schedules can be changed by hand, without a deployment. Every such change is an event, and so a row of its own.
alter table backup_mgmt.backup_schedule_s
  add column changed_by_kind text null, -- who changed it last by hand, be it back to what is configured; null: nobody has
  add column changed_by_name text null;

create index applied_event_schedule_changes on holdfast.applied_event (event_name) where event_name = 'schedule-changed';
