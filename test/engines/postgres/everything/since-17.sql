-- What came with 16 and 17.
create schema since17;
create table since17.later (
  id integer primary key, body text storage main compression default, always_null integer check (always_null is null)
);
insert into since17.later values (1, 'x', null);
grant maintain on since17.later to reader;
create table since17.moment (span interval);
insert into since17.moment values ('infinity'), ('-infinity');
create table since17.identity_partitioned (id integer generated always as identity, at date) partition by range (at);
create table since17.identity_part partition of since17.identity_partitioned for values from ('2026-01-01') to ('2027-01-01');
insert into since17.identity_partitioned (at) values ('2026-05-05');
create collation since17.rules (provider = icu, locale = 'und', rules = '& a < g');
create collation since17.builtin (provider = builtin, locale = 'C.UTF-8');
