-- Roles that the database's owners, grants and policies name. Run in the maintenance database.
create role holdfast_owner nologin;
create role "odd ""role"" 'name'" login password 'never shown' connection limit 3 valid until '2099-12-31 23:59:59+00';
create role reader nologin noinherit;
create role writer login createdb;
grant reader to writer with admin option;
grant holdfast_owner to postgres;
alter role writer set statement_timeout to '5min';
alter role reader set search_path to '"$user", "a b", public';
comment on role reader is 'reads; it''s -- not a comment';
