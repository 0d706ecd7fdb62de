create view shop.customer_totals as
select c.id, c.name, count(o.id) as orders, sum(o.total) as total
from shop.customers c
left join shop.orders o on o.customer_id = c.id
group by c.id, c.name;
comment on view shop.customer_totals is 'What each customer ordered';

create materialized view shop.status_counts as
select status, count(*) as orders from shop.orders group by status;
create unique index status_counts_status_idx on shop.status_counts (status);

create view shop.open_orders with (security_barrier) as
select * from shop.orders where status = 'new'
with local check option;

alter table shop.customers enable row level security;
create policy clerks_see_recent on shop.customers for select to shop_clerk
  using (joined > '2020-01-05 00:00:00+00');
create policy "nobody deletes" on shop.customers as restrictive for delete using (false);

grant usage on schema shop to shop_clerk;
grant select on all tables in schema shop to shop_clerk;
grant update (name) on shop.customers to "Größe ""XL"" reader" with grant option;
alter default privileges in schema shop grant select on tables to shop_clerk;
