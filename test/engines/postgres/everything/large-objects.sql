-- Large objects: empty, binary, longer than a page, with an owner, grants and a comment.
select lo_create(1001);
select lo_from_bytea(1002, '\x00ff0a5c');
select lo_from_bytea(1003, convert_to(repeat('a large object of many pages. ', 10000), 'UTF8'));
select lo_from_bytea(1004, decode(repeat('000102ff', 20000), 'hex'));
alter large object 1003 owner to writer;
grant select on large object 1002 to reader;
grant select, update on large object 1004 to "odd ""role"" 'name'" with grant option;
revoke all on large object 1001 from postgres;
comment on large object 1002 is 'it''s small';
create schema lob;
create table lob.attachment (id integer primary key, content oid);
insert into lob.attachment values (1, 1002), (2, 1003);
-- A hole: pages 2 to 9 were never written.
select lo_put(1001, 20000, '\xdeadbeef');
