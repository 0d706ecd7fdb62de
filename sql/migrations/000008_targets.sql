-- What is configured, as far as functions here have to know it: from the newest targets-declared event, which each
-- deployment of a changed configuration leaves. Replaced as a whole; lost, it is made again from the journal.
create table holdfast.target (
  target text not null,
  engine text not null,
  tenant_hk bytea null,
  methods text[] not null, -- the first is the target's usual one
  incremental_methods text[] not null,
  constraint target_pk primary key (target),
  constraint target_has_a_method check (cardinality(methods) > 0),
  constraint target_tenant_is_sha256 check (octet_length(tenant_hk) = 32)
);

create table holdfast.installation (
  only_one boolean not null default true,
  storage_type text not null,
  storage_location text not null,
  compression text not null,
  machines text[] not null, -- the kinds of state machine that there are: backup, restore …
  record_source text not null,
  constraint installation_pk primary key (only_one),
  constraint installation_only_one check (only_one)
);

-- Settings of this database that no configuration knows, written by its owner. 'take-requests-function': the ARN of the function
-- that takes requests, for servers with the aws_lambda extension.
create table holdfast.setting (
  name text not null,
  value text not null,
  constraint setting_pk primary key (name),
  constraint setting_known check (name in ('take-requests-function'))
);

-- The newest completed backup of a target, and the newest before a time: what is restored, and what is verified.
create index backup_execution_s_newest_completed on backup_mgmt.backup_execution_s (target, backup_end_time desc)
  where load_end_date is null and backup_status = 'COMPLETED';

create index applied_event_targets on holdfast.applied_event ((payload ->> 'at')) where event_name = 'targets-declared';

grant insert, delete on holdfast.target, holdfast.installation to holdfast_writer;
