-- Names that break tools which paste them into SQL, arguments, paths or patterns.
create schema "Schema with ""quotes"", 'ticks' and ünïcödé";
set search_path to "Schema with ""quotes"", 'ticks' and ünïcödé";
create table "select" ("from" integer primary key, "a.b" text, "Ü" text, "c" "char");
create table "-h" (id integer, "--comment" text);
create table "new
line" ("tab	in it" text);
create table "sixty-three bytes: ................................... the end" (id integer);
create table "back\slash $dollar$ %percent% *star* ?" (id integer);
create table "😀" (id integer);
create table "drop table t; --" (id integer);
create table " leading and trailing " (id integer);
create table "UPPER" (id integer);
create table upper (id integer);
create table "a=b" (id integer);
create table "\." (id integer);
create table "'" (id integer);
insert into "select" values (1, 'x', 'ü', 'c');
insert into "-h" values (1, '--'), (2, null);
insert into "new
line" values (E'a\nb');
insert into "😀" values (1);
insert into "drop table t; --" values (1), (2);
insert into " leading and trailing " values (3);
insert into "UPPER" values (1);
insert into upper values (2);
insert into "a=b" values (1);
insert into "\." values (1);
insert into "'" values (1);
create function "f(x)"("a b" integer default 1) returns integer language sql as 'select "a b"';
create view "view's" as select "a.b" from "select";
create sequence "seq;uence" start 42;
create index "in-dex" on "select" ("a.b");
create type "ty pe" as enum ('a''b', 'ü', 'with "quotes"', '');
grant select on "select" to "odd ""role"" 'name'";
comment on table "new
line" is 'a comment
-- with what looks like one';
