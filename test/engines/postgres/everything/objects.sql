-- What else a database holds: code, operators, text search, triggers, foreign data, extensions, publications, comments.
create extension pg_trgm schema public;
create schema ext;
create extension hstore schema ext;
create extension citext schema ext;
create extension ltree schema ext;
create extension pgcrypto schema ext version '1.3';
create extension postgres_fdw;
create schema code;
set search_path to code, public, ext;

create table extended (id citext primary key, pairs hstore, place ltree);
insert into extended values ('Abc', 'a=>1, "b c"=>NULL', 'Top.Science.Astronomy'), ('ünï', '', '');
create index on extended using gin (pairs);
create index on extended using gist ((id::text) gist_trgm_ops (siglen = 32));

create function add_one(n integer) returns integer language sql immutable strict parallel safe cost 5 return n + 1;
create function body_with_quotes(text, variadic more text[] default '{}') returns setof text language plpgsql security definer
  set search_path to code, pg_temp set work_mem to '8MB' rows 7 as $outer$
begin
  -- a comment; with $$dollars$$ and 'quotes'
  return query select unnest(more || $1);
end $outer$;
create function table_of(out id integer, inout name text) returns setof record language sql as 'select 1, name';
create procedure do_nothing(inout n integer) language plpgsql as $$ begin commit; n := n; end $$;
create function late(x integer) returns integer language sql begin atomic select code.add_one(x) + (select count(*) from code.extended)::int; end;
create aggregate total_of(integer) (sfunc = int4pl, stype = integer, initcond = '0', combinefunc = int4pl, parallel = safe);
create aggregate middle(double precision order by anyelement) (
  sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra
);
create function same_text(text, text) returns boolean language sql immutable as 'select lower($1) = lower($2)';
create operator === (leftarg = text, rightarg = text, function = same_text, commutator = ===, restrict = eqsel, join = eqjoinsel);
create operator family even_ops using btree;
create operator class backwards for type integer using btree family even_ops as
  operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <, function 1 btint4cmp(integer, integer);
create type celsius as (degrees numeric);
create function to_celsius(numeric) returns celsius language sql immutable as 'select row($1)::code.celsius';
create cast (numeric as celsius) with function to_celsius(numeric) as assignment;
create transform for text language plpgsql (from sql with function pg_catalog.prsd_lextype(internal));
create collation german (provider = icu, locale = 'de-u-co-phonebk');
create collation whatever_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table sorted (word text collate german, folded text collate whatever_case unique);
insert into sorted values ('Ärger', 'ABC'), ('Zebra', 'xyz');
create conversion own_conversion for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;

create text search dictionary plain (template = simple, stopwords = english);
create text search configuration own (copy = english);
alter text search configuration own alter mapping for asciiword with plain, english_stem;
create text search parser own_parser (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
create text search template own_template (init = dsimple_init, lexize = dsimple_lexize);

create function note_change() returns trigger language plpgsql as $$ begin return coalesce(new, old); end $$;
create trigger before_change before insert or update of email on app.customer for each row when (new.email is not null) execute function note_change('a', 'b c');
create trigger after_statement after update on app.customer referencing old table as was new table as now for each statement execute function note_change();
create constraint trigger late_check after insert on app.customer deferrable initially deferred for each row execute function note_change();
create trigger on_view instead of update on app.over_totals for each row execute function note_change();
create trigger on_partitions after insert on app.purchase for each row execute function note_change();
alter table app.customer disable trigger before_change;
alter table app.customer enable always trigger late_check;
create function on_ddl() returns event_trigger language plpgsql as $$ begin null; end $$;
create event trigger watch_ddl on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function on_ddl();
alter event trigger watch_ddl disable;

create foreign data wrapper own_wrapper options (debug 'true');
create server elsewhere type 'postgres' version '15' foreign data wrapper postgres_fdw options (host '127.0.0.1', dbname 'a b', port '1');
create user mapping for reader server elsewhere options (user 'someone', password 'never shown');
create user mapping for public server elsewhere options (password_required 'true');
create foreign table far_away (id integer options (column_name 'ID') not null, body text collate "C") server elsewhere options (table_name 'near');
grant usage on foreign server elsewhere to writer;

create publication everything for all tables with (publish = 'insert, update');
create publication part for table app.customer (id, code) where (id > 100);
create publication of_schema for tables in schema types, table app.typed with (publish_via_partition_root);
create access method own_heap type table handler heap_tableam_handler;
create table in_own_heap (id integer) using own_heap;
insert into in_own_heap values (1);

comment on schema code is 'it''s "quoted"; and
on two lines';
comment on table app.customer is 'Ünïcödé';
comment on column app.customer.email is E'a tab\there';
comment on constraint email_looks_right on app.customer is 'constraint';
comment on index app.customer_lower is 'index';
comment on sequence app.odd_counter is 'sequence';
comment on view app.customer_view is 'view';
comment on materialized view app.totals is 'materialized view';
comment on function add_one(integer) is 'function';
comment on procedure do_nothing(integer) is 'procedure';
comment on aggregate total_of(integer) is 'aggregate';
comment on operator === (text, text) is 'operator';
comment on type types.mood is 'type';
comment on domain types.positive is 'domain';
comment on constraint above_zero on domain types.positive is 'domain constraint';
comment on trigger before_change on app.customer is 'trigger';
comment on event trigger watch_ddl is 'event trigger';
comment on rule quiet on app.animal is 'rule';
comment on policy own_rows on app.customer is 'policy';
comment on cast (numeric as celsius) is 'cast';
comment on collation german is 'collation';
comment on conversion own_conversion is 'conversion';
comment on text search configuration own is 'configuration';
comment on text search dictionary plain is 'dictionary';
comment on foreign data wrapper own_wrapper is 'wrapper';
comment on server elsewhere is 'server';
comment on foreign table far_away is 'foreign table';
comment on publication everything is 'publication';
comment on statistics app.customer_stats is 'statistics';
comment on extension hstore is 'a comment of our own';
comment on access method own_heap is 'access method';
comment on schema public is 'not the standard one';
grant execute on function add_one(integer) to reader with grant option;
revoke all on function body_with_quotes(text, text[]) from public;
grant usage on type types.mood to writer;
revoke usage on domain types.positive from public;
revoke usage on language plpgsql from public;
grant usage on language plpgsql to writer;
grant create on schema public to reader;
