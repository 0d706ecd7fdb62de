-- Every built-in type that a column can have, with ordinary, extreme and null values.
create schema types;
set search_path to types;

create type mood as enum ('sad', 'ok', 'happy', 'it''s "complicated"');
alter type mood add value 'before ok' before 'ok';
create domain positive as integer default 1 constraint above_zero check (value > 0) not null;
create domain postcode as text collate "C" check (value ~ '^\d{5}$');
create domain moods as mood[];
create type point3 as (x double precision, y double precision, z numeric(10, 2));
create type nested as (at point3, label text, tags text[]);
create domain upper_half as point3 check ((value).y >= 0);
create type float_range as range (subtype = float8, subtype_diff = float8mi, multirange_type_name = float_multirange);
create type shell_only;

create table number (
  id bigint generated always as identity primary key,
  small smallint, plain integer, big bigint, exact numeric, scaled numeric(30, 10), negative_scale numeric(3, -2),
  single real, twice double precision, cash money, of_domain positive, bits bit(5), varbits bit varying, flag boolean
);
insert into number (small, plain, big, exact, scaled, negative_scale, single, twice, cash, of_domain, bits, varbits, flag) values
  (-32768, -2147483648, -9223372036854775808, 'NaN', -12345678901234567890.0123456789, 12300, '-Infinity', 'NaN', '-92233720368547758.08', 1, B'10101', B'', true),
  (32767, 2147483647, 9223372036854775807, 'Infinity', 0, -99900, 1e-45, 5e-324, '92233720368547758.07', 2147483647, B'00000', B'1', false),
  (0, 0, 0, '-Infinity', null, 0, 3.4028235e38, 1.7976931348623157e308, 0, 7, null, null, null),
  (null, null, null, 1e-1000, 0.1, null, 0.1, 0.1, 1234.56, 1, B'11111', B'0101010101010101', true),
  (null, null, null, repeat('9', 500)::numeric, null, null, '-0', '-0', null, 1, null, null, null);

create table words (
  id integer primary key, body text, short varchar(10), fixed char(8), internal "char", named name, coded postcode,
  raw bytea, document xml, plain_json json, binary_json jsonb, path jsonpath, search tsvector, question tsquery, uid uuid
);
insert into words values
  (1, E'tab\there, newline\nhere, return\rhere, backslash \\ here, bell\x07, quote '' and "', '', 'padded', 'a', 'a name', '01234',
   '\x00ff5c0a090d', '<?xml version="1.0"?><a b="c">ü</a>', ' {"a" : 1, "a":2} ', '{"z": 1, "a": [1.10, null, "\u00fc"]}',
   '$.a[*] ? (@ > 1)', to_tsvector('english', 'The quick brown foxes'), to_tsquery('english', 'fox & !dog | (cat <-> mouse)'),
   'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
  (2, '\N', 'ünïcödé', E'\\.', '\', repeat('n', 63), '99999', '', 'just content <b/>', 'null', '"text"', 'strict $.**', '', '', null),
  (3, '', null, null, '', '', null, null, null, null, null, null, null, null, null),
  (4, E'\U0001F600 e\u0301 \u200b', repeat('ß', 10), '', null, null, null, decode(repeat('00ff', 5000), 'hex'), null, null,
   (select jsonb_object_agg(n, n) from generate_series(1, 500) n), null, null, null, null),
  (5, repeat('a long value that is toasted, ', 20000), null, null, null, null, null, null, null, null, null, null, null, null, null);
insert into words (id, body) select 100 + n, chr(n) from generate_series(1, 255) n;

create table moment (
  id integer primary key, day date, clock time, clock_zone timetz, at timestamp, at_zone timestamptz, exact timestamptz(3), span interval,
  span_ym interval year to month
);
insert into moment values
  (1, 'infinity', '24:00:00', '23:59:59.999999+14', 'infinity', 'infinity', '2026-11-21 02:00:00.123456+01', '178000000 years', '-1-3'),
  (2, '-infinity', '00:00', '00:00-15:59', '-infinity', '-infinity', 'epoch', '-178000000 years', '0-1'),
  (3, '4714-11-24 BC', '12:34:56.789', '12:34:56+05:30', '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00+00 BC', null, '1 year -2 months +3 days -04:05:06.789', null),
  (4, '5874897-12-31', null, null, '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '2026-03-29 02:30 Europe/Berlin', '-1 day -00:00:00.000001', '100 years'),
  (5, '0001-01-01', null, null, '2000-02-29', '1900-01-01 00:00:00+00:53:28', '2026-10-25 02:30 Europe/Berlin', '0', null),
  (6, null, null, null, null, null, null, null, null);

create table place (
  id integer primary key, host inet, net cidr, mac macaddr, mac_long macaddr8, spot point, endless line, piece lseg, area box, route path,
  shape polygon, round circle, position pg_lsn, transaction xid8, shot pg_snapshot, row_place tid
);
insert into place values
  (1, '192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '(1.5,-2e300)', '{1,-1,0}', '[(0,0),(1,1)]',
   '(1,1),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),1.5>', '16/B374D848', '18446744073709551615', '10:20:10,14,15', '(1,2)'),
  (2, '2001:db8::1', '2001:db8::/32', null, null, '(NaN,Infinity)', '{0,1,3}', null, null, '((0,0),(1,1))', null, '<(1,2),0>', '0/0', '3', null, null),
  (3, '::ffff:1.2.3.4/128', '0.0.0.0/0', null, null, null, null, null, null, null, null, null, null, null, null, null);

create table span (
  id integer primary key, ints int4range, bigs int8range, nums numrange, times tsrange, zoned tstzrange, days daterange, own float_range,
  many_ints int4multirange, many_nums nummultirange, many_days datemultirange, many_own float_multirange
);
insert into span values
  (1, '[1,10)', '(,)', '[1.1,2.2]', '[2026-01-01,infinity]', '(2026-01-01 00:00+02,)', '[2026-01-01,2026-02-01)', '[0.1,0.2)',
   '{[1,2),[5,9)}', '{(,0),(0,)}', '{}', '{[0,1],[2,3]}'),
  (2, 'empty', '[,5)', '(0,)', 'empty', null, '(-infinity,infinity)', '(,)', '{}', null, '{(,)}', null);

create table compound (
  id integer primary key, whole nested, half upper_half, feeling mood, feelings moods, grid integer[][], words text[], stamps timestamptz[],
  records point3[], shifted integer[], objects jsonb[], ranges int4range[], vector int2vector, of_words words, class regclass, type regtype, role_oid oid
);
insert into compound values
  (1, row(row(1, 2, 3.456), 'a "label", (with) \ everything', '{x,"y z",NULL,"NULL",""}'), row(0, 0, null), 'it''s "complicated"', '{sad,ok}',
   '{{1,2},{3,4}}', E'{a,"b,c","d\\"e","f\\\\g",NULL,"",ü}', '{2026-01-01 00:00+00,infinity}', array[row(1, 2, 3)::point3, null], '[-1:1]={1,2,3}',
   array['{"a":1}'::jsonb], '{"[1,2)",empty}', '1 2 3', row(1, 'x', null, null, null, null, null, null, null, null, null, null, null, null, null)::words,
   'words', 'integer', 42),
  (2, row(null, null, null), null, 'before ok', '{}', '{}', '{}', null, '{}', null, null, null, null, null, null, null, null);
create table empty_table ();
create table no_rows (id integer, "column" text);
insert into empty_table default values;
