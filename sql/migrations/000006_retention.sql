-- Why a backup is kept beyond its time or was removed. All four follow from events: backup-held and backup-released, backup-expired and
-- backup-kept, backup-deleted.
alter table backup_mgmt.backup_execution_s
  add column hold_since timestamptz null, -- not null: nobody may remove it
  add column hold_by text null,
  add column hold_reason text null,
  add column expiry_reason text null; -- of an expired or deleted backup: the rule that let it go
