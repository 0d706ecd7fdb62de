create table audit.events (
  id bigserial primary key,
  happened timestamptz not null,
  actor text not null,
  what text not null,
  detail jsonb
);
create table audit.logins (session_id text) inherits (audit.events);

insert into audit.events (happened, actor, what, detail)
select
  timestamptz '2024-01-01 00:00:00+00' + make_interval(secs => i * 17),
  'user' || i % 400,
  (array['changed the price', 'sent an order', 'looked at a customer', 'exported a report'])[1 + i % 4] || ' for the ' || i || 'th time',
  case when i % 3 = 0 then jsonb_build_object('from', md5(i::text), 'to', md5((i + 1)::text)) end
from generate_series(1, 140000) i;
insert into audit.logins (happened, actor, what, session_id)
select timestamptz '2024-06-01 00:00:00+00' + make_interval(mins => i), 'user' || i % 400, 'signed in', md5('session' || i)
from generate_series(1, 5000) i;
create index events_happened_idx on audit.events using brin (happened);
create index events_recent_idx on audit.events (actor, lower(what)) include (happened) where detail is not null;

create function audit.note_change() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  insert into audit.events (happened, actor, what, detail)
  values (now(), current_user, tg_op || ' of ' || tg_table_name, to_jsonb(new));
  return new;
end
$$;
create trigger customers_are_audited after insert or update on shop.customers
  for each row when (pg_trigger_depth() = 0) execute function audit.note_change();
alter table shop.customers disable trigger customers_are_audited;

create procedure audit.forget(before timestamptz) language sql
begin atomic
  delete from audit.events where happened < before;
end;

create function audit.keep_first(state text, next text) returns text language sql immutable strict return state;
create aggregate audit.first_of(text) (sfunc = audit.keep_first, stype = text, parallel = safe);
create operator shop.~~~ (leftarg = text, rightarg = text, function = texticlike);
create rule no_deletes as on delete to ledger.receipts do instead nothing;
create publication orders_feed for table shop.customers, shop.products with (publish = 'insert, update');
