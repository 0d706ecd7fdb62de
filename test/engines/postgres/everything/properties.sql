-- What belongs to the database as a whole. {database} is its quoted name.
alter database {database} set search_path to "$user", "a b", public;
alter database {database} set work_mem to '10MB';
alter database {database} set "my.setting" to 'it''s';
alter database {database} set datestyle to 'SQL, DMY';
alter database {database} set timezone to 'Asia/Kathmandu';
alter database {database} set intervalstyle to 'iso_8601';
alter database {database} set bytea_output to 'escape';
alter database {database} set extra_float_digits to -15;
alter role writer in database {database} set lock_timeout to '3s';
alter database {database} connection limit 17;
comment on database {database} is 'everything; it''s "all" here';
revoke connect on database {database} from public;
grant connect, temporary on database {database} to reader with grant option;
grant create on database {database} to writer;
