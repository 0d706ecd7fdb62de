-- What came with 18.
create schema since18;
create table since18.computed (id integer primary key, twice integer generated always as (id * 2) virtual);
insert into since18.computed (id) values (1), (2);
create table since18.stay (room integer, during daterange, constraint no_two primary key (room, during without overlaps));
create table since18.guest (
  room integer, during daterange, constraint in_stay foreign key (room, period during) references since18.stay (room, period during)
);
insert into since18.stay values (1, '[2026-01-01,2026-02-01)');
insert into since18.guest values (1, '[2026-01-05,2026-01-06)');
create table since18.loose (
  id integer constraint always_there not null, parent integer references since18.computed (id) not enforced,
  constraint not_held check (id > 0) not enforced
);
insert into since18.loose values (1, 99);
alter table since18.loose add constraint parent_there not null parent not valid;
create table since18.uuids (id uuid default uuidv7());
