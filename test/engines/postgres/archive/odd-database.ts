/** SQL that makes a database of what archives find hard: odd names, end marks as data, no columns, no rows, partitions, large objects. */
export const oddDatabase = `
create schema "Weird ""quoted"" schema";
create schema "naïve 漢字";
create table simple (id int primary key, t text, n numeric);
insert into simple select g, case when g % 7 = 0 then null else repeat(md5(g::text), 1 + g % 5) end, g / 3.0 from generate_series(1, 5000) g;
create table no_rows (a int, b text);
create table no_columns ();
insert into no_columns default values;
insert into no_columns default values;
insert into no_columns default values;
create table all_null (a int, b text, c date);
insert into all_null select null, null, null from generate_series(1, 10);
create table end_marks (a text);
insert into end_marks values ('\\.'), (E'a\\nb'), (E'\\\\\\\\.'), (''), (E'tab\\there\\rcr'), (E'\\n\\\\.\\n'), (null);
create table generated_columns (a int, b int generated always as (a * 2) stored);
insert into generated_columns (a) select generate_series(1, 9);
create table "Weird ""quoted"" schema"."line
break '' tab\t" (x text);
insert into "Weird ""quoted"" schema"."line
break '' tab\t" values ('one'), ('two'), ('two');
create table "naïve 漢字"."täble 😀" (x text);
insert into "naïve 漢字"."täble 😀" values ('üñí 😀');
create table parted (id int, v text) partition by range (id);
create table parted_low partition of parted for values from (0) to (100);
create table parted_high partition of parted for values from (100) to (200);
insert into parted select g, 'v' || g from generate_series(0, 149) g;
create table wide (id int, t text);
insert into wide select g, repeat(chr(65 + g), 200000 * g) from generate_series(1, 3) g;
select lo_create(100 + g) from generate_series(1, 4) g;
select lo_create(4294967294);
select lo_put(100 + g, 0, convert_to(repeat('object ' || g, 10000 * (g - 1)), 'UTF8')) from generate_series(1, 4) g;
select lo_put(4294967294, 0, convert_to('numbered above 2^31', 'UTF8'));
create sequence counter;
select nextval('counter');
create function add(a int, b text default 'x;') returns int language sql as $$ select 1 $$;
create view simple_view as select * from simple;
create materialized view simple_count as select count(*) from simple;
create index on simple (t);
comment on table simple is 'it''s';
grant select on simple to public;
alter table simple add constraint t_is_known check (t in ('a', 'b') or true);
`;

/** A database whose archive is a few kilobytes and still has rows, an empty table and large objects. */
export const smallDatabase = `
create table fruit (id int, name text);
insert into fruit values (1, 'apple'), (2, 'pear'), (3, null);
create table no_rows (a int);
create view fruit_names as select name from fruit;
select lo_from_bytea(4711, convert_to('a large object', 'UTF8'));
`;
