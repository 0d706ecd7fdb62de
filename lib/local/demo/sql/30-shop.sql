create table shop.customers (
  id bigint generated always as identity (start with 1000 increment by 3) primary key,
  email shop.email not null constraint customers_email_key unique,
  name text not null,
  name_length integer generated always as (length(name)) stored,
  home shop.address,
  tags text[] not null default '{}',
  preferences jsonb not null default '{}',
  born date,
  joined timestamptz not null default '2020-01-01 00:00:00+00',
  constraint customers_born_in_the_past check (born < '2026-01-01')
);
comment on table shop.customers is 'Who ordered
something, once';
comment on column shop.customers.home is 'Null: picked up at the counter';

insert into shop.customers (email, name, home, tags, preferences, born, joined)
select
  'customer' || i || '@example.com',
  (array['Ada', 'Zoë', 'Jürgen', '王小明', 'Ольга', 'O''Neil', 'tab	tab', E'back\\slash', '🦊'])[1 + i % 9] || ' ' || i,
  case when i % 5 > 0 then row('Main Street ' || i % 100, 'Town ' || i % 300, lpad((i % 99999)::text, 5, '0'))::shop.address end,
  case i % 4 when 0 then '{}' when 1 then array['new'] when 2 then array['a,b', '"quoted"', null] else array['{}', ''] end,
  jsonb_build_object('newsletter', i % 2 = 0, 'colour', (array['red', 'green', null])[1 + i % 3], 'score', i / 7.0),
  case when i % 11 > 0 then date '1950-01-01' + i % 20000 end,
  timestamptz '2020-01-01 00:00:00+00' + make_interval(mins => i)
from generate_series(1, 20000) i;

create table shop.products (
  sku text primary key,
  title text not null,
  price shop.amount,
  price_with_tax numeric generated always as (price * 1.19) stored,
  sold_between tstzrange,
  price_band shop.price_range,
  dimensions real[][],
  attributes shop.hstore,
  maker citext,
  description tsvector
);
insert into shop.products (sku, title, price, sold_between, price_band, dimensions, attributes, maker, description)
select
  'SKU-' || lpad(i::text, 6, '0'),
  'Product number ' || i,
  (i % 500) + 0.99,
  tstzrange('2020-01-01 00:00:00+00', case when i % 3 > 0 then timestamptz '2026-01-01 00:00:00+00' end),
  shop.price_range(i % 500, i % 500 + 10),
  array[[i, i + 0.5], [-i, 'infinity']]::real[][],
  shop.hstore(array['colour', 'a=>b', ''], array['red', null, '"' || i]),
  'Maker ' || i % 40,
  to_tsvector('simple', 'a product of kind ' || i % 50)
from generate_series(1, 3000) i;
create index products_description_idx on shop.products using gin (description);

create table shop.orders (
  id bigint not null,
  placed timestamptz not null,
  customer_id bigint not null,
  status shop.order_status not null,
  total shop.amount,
  lines jsonb not null,
  note text,
  constraint orders_pkey primary key (placed, id)
) partition by range (placed);
create table shop.orders_2023 partition of shop.orders for values from ('2023-01-01 00:00:00+00') to ('2024-01-01 00:00:00+00');
create table shop.orders_2024 partition of shop.orders for values from ('2024-01-01 00:00:00+00') to ('2025-01-01 00:00:00+00')
  partition by hash (id);
create table shop.orders_2024_even partition of shop.orders_2024 for values with (modulus 2, remainder 0);
create table shop.orders_2024_odd partition of shop.orders_2024 for values with (modulus 2, remainder 1);
create table shop.orders_other partition of shop.orders default;

insert into shop.orders (id, placed, customer_id, status, total, lines, note)
select
  i,
  timestamptz '2023-01-01 00:00:00+00' + make_interval(mins => i * 8),
  1000 + 3 * (i % 20000),
  (array['new', 'paid', 'sent', 'returned', 'it''s complicated'])[1 + i % 5]::shop.order_status,
  (i % 90000) / 100.0,
  jsonb_build_array(
    jsonb_build_object('sku', 'SKU-' || lpad((1 + i % 3000)::text, 6, '0'), 'count', 1 + i % 4),
    jsonb_build_object('sku', 'SKU-' || lpad((1 + i * 7 % 3000)::text, 6, '0'), 'count', 1)
  ),
  case i % 10 when 0 then null when 1 then '' when 2 then '\N' when 3 then E'two\nlines' else 'please ring at door ' || i % 977 end
from generate_series(1, 160000) i;
create index orders_customer_idx on shop.orders (customer_id);
alter table shop.orders add constraint orders_customer_fkey foreign key (customer_id) references shop.customers (id);

create statistics shop.orders_customer_status on customer_id, status from shop.orders;
create sequence shop.invoice_number as integer increment by -1 minvalue -1000 maxvalue 0 start with 0 cycle;
select nextval('shop.invoice_number') from generate_series(1, 3);
