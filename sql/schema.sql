-- What sql/migrations result in, as pg_dump of PostgreSQL 17 writes it. Made by scripts/dump-catalog-schema.ts.

CREATE SCHEMA backup_mgmt;

CREATE SCHEMA holdfast;

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
    CONSTRAINT backup_execution_s_engine_known CHECK ((engine = ANY (ARRAY['postgres'::text, 'neo4j'::text, 'redis'::text, 'application'::text]))),
    CONSTRAINT backup_execution_s_history_forward CHECK ((load_end_date > load_date)),
    CONSTRAINT backup_execution_s_sizes_not_negative CHECK (((backup_size_bytes >= 0) AND (compressed_size_bytes >= 0))),
    CONSTRAINT backup_execution_s_status_known CHECK ((backup_status = ANY (ARRAY['REQUESTED'::text, 'RUNNING'::text, 'COMPLETED'::text, 'FAILED'::text, 'EXPIRED'::text, 'DELETED'::text]))),
    CONSTRAINT backup_execution_s_storage_type_known CHECK ((storage_type = ANY (ARRAY['s3'::text, 'file'::text]))),
    CONSTRAINT backup_execution_s_tier_known CHECK ((tier = ANY (ARRAY['daily'::text, 'weekly'::text, 'monthly'::text, 'compliance'::text, 'manual'::text]))),
    CONSTRAINT backup_execution_s_type_known CHECK ((backup_type = ANY (ARRAY['FULL'::text, 'INCREMENTAL'::text]))),
    CONSTRAINT backup_execution_s_verification_known CHECK ((verification_status = ANY (ARRAY['PENDING'::text, 'VALIDATED'::text, 'VERIFIED'::text, 'FAILED'::text])))
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

CREATE TABLE backup_mgmt.recovery_operation_execution_l (
    recovery_execution_hk bytea NOT NULL,
    recovery_hk bytea NOT NULL,
    backup_hk bytea NOT NULL,
    load_date timestamp with time zone NOT NULL,
    record_source text NOT NULL
);

CREATE TABLE backup_mgmt.recovery_operation_h (
    recovery_hk bytea NOT NULL,
    recovery_bk text NOT NULL,
    tenant_hk bytea,
    load_date timestamp with time zone NOT NULL,
    record_source text NOT NULL,
    CONSTRAINT recovery_operation_h_hk_is_sha256 CHECK ((octet_length(recovery_hk) = 32)),
    CONSTRAINT recovery_operation_h_tenant_is_sha256 CHECK ((octet_length(tenant_hk) = 32))
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
    CONSTRAINT recovery_operation_s_history_forward CHECK ((load_end_date > load_date)),
    CONSTRAINT recovery_operation_s_sizes_not_negative CHECK ((restored_size_bytes >= 0)),
    CONSTRAINT recovery_operation_s_status_known CHECK ((recovery_status = ANY (ARRAY['REQUESTED'::text, 'RUNNING'::text, 'COMPLETED'::text, 'FAILED'::text]))),
    CONSTRAINT recovery_operation_s_type_known CHECK ((recovery_type = ANY (ARRAY['FULL'::text, 'POINT_IN_TIME'::text])))
);

CREATE TABLE holdfast.applied_event (
    event_key text NOT NULL,
    operation text NOT NULL,
    event_name text NOT NULL,
    payload jsonb NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE holdfast.migration (
    version integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
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

ALTER TABLE ONLY holdfast.applied_event
    ADD CONSTRAINT applied_event_pk PRIMARY KEY (event_key);

ALTER TABLE ONLY holdfast.migration
    ADD CONSTRAINT migration_pk PRIMARY KEY (version);

CREATE INDEX backup_execution_parent_l_parent ON backup_mgmt.backup_execution_parent_l USING btree (parent_backup_hk);

CREATE UNIQUE INDEX backup_execution_s_current ON backup_mgmt.backup_execution_s USING btree (backup_hk) WHERE (load_end_date IS NULL);

CREATE INDEX backup_execution_s_execution ON backup_mgmt.backup_execution_s USING btree (execution) WHERE (load_end_date IS NULL);

CREATE INDEX backup_execution_s_failed ON backup_mgmt.backup_execution_s USING btree (error_code, backup_end_time) WHERE ((load_end_date IS NULL) AND (backup_status = 'FAILED'::text));

CREATE INDEX backup_execution_s_last_completed ON backup_mgmt.backup_execution_s USING btree (target, tier, backup_end_time DESC) WHERE ((load_end_date IS NULL) AND (backup_status = 'COMPLETED'::text));

CREATE INDEX backup_execution_s_load_date ON backup_mgmt.backup_execution_s USING btree (load_date);

CREATE INDEX backup_execution_s_retention ON backup_mgmt.backup_execution_s USING btree (retention_until) WHERE ((load_end_date IS NULL) AND (backup_status = ANY (ARRAY['COMPLETED'::text, 'FAILED'::text])));

CREATE INDEX backup_execution_s_scheduled_time ON backup_mgmt.backup_execution_s USING btree (scheduled_time, target) WHERE ((load_end_date IS NULL) AND (scheduled_time IS NOT NULL));

CREATE INDEX backup_execution_s_start_time ON backup_mgmt.backup_execution_s USING btree (backup_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX backup_execution_s_status ON backup_mgmt.backup_execution_s USING btree (backup_status, backup_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX backup_execution_s_target ON backup_mgmt.backup_execution_s USING btree (target, backup_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX backup_execution_s_tenant ON backup_mgmt.backup_execution_s USING btree (tenant_hk, backup_start_time) WHERE ((load_end_date IS NULL) AND (tenant_hk IS NOT NULL));

CREATE INDEX backup_execution_s_verification ON backup_mgmt.backup_execution_s USING btree (verification_status, backup_end_time) WHERE ((load_end_date IS NULL) AND (backup_status = 'COMPLETED'::text));

CREATE INDEX backup_schedule_execution_l_backup ON backup_mgmt.backup_schedule_execution_l USING btree (backup_hk);

CREATE UNIQUE INDEX backup_schedule_s_current ON backup_mgmt.backup_schedule_s USING btree (schedule_hk) WHERE (load_end_date IS NULL);

CREATE INDEX backup_schedule_s_target ON backup_mgmt.backup_schedule_s USING btree (target, tier) WHERE (load_end_date IS NULL);

CREATE INDEX recovery_operation_execution_l_backup ON backup_mgmt.recovery_operation_execution_l USING btree (backup_hk);

CREATE UNIQUE INDEX recovery_operation_s_current ON backup_mgmt.recovery_operation_s USING btree (recovery_hk) WHERE (load_end_date IS NULL);

CREATE INDEX recovery_operation_s_start_time ON backup_mgmt.recovery_operation_s USING btree (recovery_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX recovery_operation_s_status ON backup_mgmt.recovery_operation_s USING btree (recovery_status, recovery_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX recovery_operation_s_target ON backup_mgmt.recovery_operation_s USING btree (target, recovery_start_time) WHERE (load_end_date IS NULL);

CREATE INDEX applied_event_declarations ON holdfast.applied_event USING btree (event_name) WHERE (event_name = 'schedules-declared'::text);

CREATE INDEX applied_event_operation ON holdfast.applied_event USING btree (operation);

CREATE INDEX applied_event_schedule_changes ON holdfast.applied_event USING btree (event_name) WHERE (event_name = 'schedule-changed'::text);

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

GRANT USAGE ON SCHEMA backup_mgmt TO backup_operator;
GRANT USAGE ON SCHEMA backup_mgmt TO holdfast_writer;
GRANT USAGE ON SCHEMA backup_mgmt TO holdfast_reader;

GRANT USAGE ON SCHEMA holdfast TO holdfast_writer;
GRANT USAGE ON SCHEMA holdfast TO holdfast_reader;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_execution_h TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_execution_h TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.backup_execution_h TO holdfast_writer;

GRANT UPDATE(tenant_hk) ON TABLE backup_mgmt.backup_execution_h TO holdfast_writer;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.backup_execution_h TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.backup_execution_h TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_execution_parent_l TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_execution_parent_l TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.backup_execution_parent_l TO holdfast_writer;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.backup_execution_parent_l TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.backup_execution_parent_l TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_execution_s TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_execution_s TO holdfast_reader;
GRANT SELECT,INSERT,DELETE ON TABLE backup_mgmt.backup_execution_s TO holdfast_writer;

GRANT UPDATE(load_end_date) ON TABLE backup_mgmt.backup_execution_s TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_schedule_execution_l TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_schedule_execution_l TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.backup_schedule_execution_l TO holdfast_writer;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.backup_schedule_execution_l TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.backup_schedule_execution_l TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_schedule_h TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_schedule_h TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.backup_schedule_h TO holdfast_writer;

GRANT UPDATE(tenant_hk) ON TABLE backup_mgmt.backup_schedule_h TO holdfast_writer;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.backup_schedule_h TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.backup_schedule_h TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.backup_schedule_s TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.backup_schedule_s TO holdfast_reader;
GRANT SELECT,INSERT,DELETE ON TABLE backup_mgmt.backup_schedule_s TO holdfast_writer;

GRANT UPDATE(load_end_date) ON TABLE backup_mgmt.backup_schedule_s TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.recovery_operation_execution_l TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.recovery_operation_execution_l TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.recovery_operation_execution_l TO holdfast_writer;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.recovery_operation_execution_l TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.recovery_operation_execution_l TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.recovery_operation_h TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.recovery_operation_h TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE backup_mgmt.recovery_operation_h TO holdfast_writer;

GRANT UPDATE(tenant_hk) ON TABLE backup_mgmt.recovery_operation_h TO holdfast_writer;

GRANT UPDATE(load_date) ON TABLE backup_mgmt.recovery_operation_h TO holdfast_writer;

GRANT UPDATE(record_source) ON TABLE backup_mgmt.recovery_operation_h TO holdfast_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE backup_mgmt.recovery_operation_s TO backup_operator;
GRANT SELECT ON TABLE backup_mgmt.recovery_operation_s TO holdfast_reader;
GRANT SELECT,INSERT,DELETE ON TABLE backup_mgmt.recovery_operation_s TO holdfast_writer;

GRANT UPDATE(load_end_date) ON TABLE backup_mgmt.recovery_operation_s TO holdfast_writer;

GRANT SELECT ON TABLE holdfast.applied_event TO holdfast_reader;
GRANT SELECT,INSERT ON TABLE holdfast.applied_event TO holdfast_writer;

GRANT SELECT ON TABLE holdfast.migration TO holdfast_reader;
GRANT SELECT ON TABLE holdfast.migration TO holdfast_writer;

ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA backup_mgmt GRANT ALL ON FUNCTIONS TO backup_operator;

ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA backup_mgmt GRANT SELECT,INSERT,UPDATE ON TABLES TO backup_operator;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA backup_mgmt GRANT SELECT ON TABLES TO holdfast_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA backup_mgmt GRANT SELECT ON TABLES TO holdfast_reader;

ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA holdfast GRANT SELECT ON TABLES TO holdfast_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA holdfast GRANT SELECT ON TABLES TO holdfast_reader;
