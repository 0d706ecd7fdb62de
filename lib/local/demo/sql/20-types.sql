create schema shop;
comment on schema shop is 'Orders and who placed them';
create schema ledger;
create schema audit;

create extension hstore with schema shop;
create extension citext;

create type shop.order_status as enum ('new', 'paid', 'sent', 'returned', 'it''s complicated');
create type shop.address as (street text, town text, zip text);
create type shop.price_range as range (subtype = numeric);

create domain shop.email as text
  constraint email_has_at check (value ~ '^[^@[:space:]]+@[^@[:space:]]+$');
create domain shop.amount as numeric(12, 2) default 0 not null
  constraint amount_is_positive check (value >= 0);
comment on domain shop.amount is 'Euro, tax included';

-- Bytes that do not compress, the same on every machine.
create function audit.noise(seed text, blocks integer) returns bytea
  language sql immutable strict parallel safe
  return (select string_agg(sha512(convert_to(seed || ':' || i, 'UTF8')), ''::bytea order by i) from generate_series(1, blocks) i);
comment on function audit.noise is '64 bytes a block';
