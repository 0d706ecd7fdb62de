create table ledger.receipts (
  id uuid primary key,
  scanned bytea not null,
  checksum bytea generated always as (sha256(scanned)) stored,
  signed_by name,
  source inet,
  bits bit varying(16)
);
-- Noise does not compress: do not try.
alter table ledger.receipts alter column scanned set storage external;
insert into ledger.receipts (id, scanned, signed_by, source, bits)
select
  md5(i::text)::uuid,
  audit.noise('receipt ' || i, 220),
  'signer ' || i % 7,
  ('10.0.' || i % 256 || '.1/24')::inet,
  (i % 1024)::bit(10)
from generate_series(1, 1600) i;

create table ledger.empty_table (id integer primary key, nothing text);
create table ledger.no_columns ();
create unlogged table ledger.session_cache (key text primary key, value json);
insert into ledger.session_cache values ('a', '{"b" : 1, "b" : 2}');

create table ledger.extremes (
  small smallint, whole integer, large bigint, exact numeric, single real, double double precision,
  at timestamp, day date, clock timetz, span interval, amount money, yes boolean, point point, xml_like text
);
insert into ledger.extremes values
  (-32768, -2147483648, -9223372036854775808, 'NaN', 'NaN', '-infinity', '-infinity', 'infinity', '23:59:59.999999-15', '-178000000 years', '-1.50', null, '(1e300,-0)', '<a/>'),
  (32767, 2147483647, 9223372036854775807, 1e-300, 1e-37, 1.7976931348623157e308, '294276-12-31 23:59:59.999999', '4713-01-01 bc', '00:00+15', '1 mon -1 day 00:00:00.000001', '92233720368547758.07', true, '(0,0)', ''),
  (null, null, null, null, null, null, null, null, null, null, null, null, null, null);

-- Scans kept as large objects, some with a comment and a right of their own.
select lo_from_bytea(900000 + i::oid::integer, audit.noise('scan ' || i, 8192)) from generate_series(1, 24) i;
select lo_from_bytea(900100, '');
select lo_from_bytea(900101, convert_to(repeat('a page of plain text. ', 40000), 'UTF8'));
comment on large object 900001 is 'the oldest scan';
grant select on large object 900001 to shop_clerk;
