-- Every name here has broken a script somewhere.
create schema "odd names; drop schema ledger; --";

create table "odd names; drop schema ledger; --"."two
lines" ("select" integer primary key, "a""b" text, " leading space" text, "naïve – 数据 🦊" text);
insert into "odd names; drop schema ledger; --"."two
lines"
select i, 'x' || i, null, '🦊' from generate_series(1, 100) i;

create table "odd names; drop schema ledger; --"."it's $1 \n %s `rm`" (id integer);
insert into "odd names; drop schema ledger; --"."it's $1 \n %s `rm`" values (1), (1), (null);

-- 63 bytes, the longest there is; and the same in characters of several bytes.
create table "odd names; drop schema ledger; --"."n23456789_123456789_123456789_123456789_123456789_123456789_123" (id integer);
create table "odd names; drop schema ledger; --"."数据数据数据数据数据数据数据数据数据数据数据" ("ключ" integer);
insert into "odd names; drop schema ledger; --"."数据数据数据数据数据数据数据数据数据数据数据" values (1);

create table "odd names; drop schema ledger; --"."-t" ("--" integer, "*" integer, "." integer);
