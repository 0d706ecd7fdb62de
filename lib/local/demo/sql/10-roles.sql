-- Roles belong to the server, not to a database: a rebuild finds them already there.
do $$
begin
  if not exists (select from pg_roles where rolname = 'shop_clerk') then
    create role shop_clerk nologin;
  end if;
  if not exists (select from pg_roles where rolname = 'Größe "XL" reader') then
    create role "Größe ""XL"" reader" nologin;
    grant shop_clerk to "Größe ""XL"" reader";
  end if;
end
$$;
