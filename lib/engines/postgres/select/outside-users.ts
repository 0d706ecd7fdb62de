import type { Client } from 'pg';
import type { TocEntry } from '../archive/read-toc.ts';

/** Who follows a relation wherever it is moved: foreign keys, views, functions, publications, and its kin by inheritance. */
const usersQuery = `
with moved as (
  select c.oid
    from unnest($1::text[], $2::text[]) as named (schema, name)
    join pg_namespace n on n.nspname = named.schema
    join pg_class c on c.relnamespace = n.oid and c.relname = named.name
)
select 'foreign key ' || k.conname || ' of ' || k.conrelid::regclass || ' refers to it' as "user"
  from pg_constraint k
 where k.contype = 'f' and k.confrelid in (select oid from moved) and k.conrelid not in (select oid from moved)
union
select 'view ' || r.ev_class::regclass || ' reads it'
  from pg_depend d join pg_rewrite r on r.oid = d.objid
 where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
   and d.refobjid in (select oid from moved) and r.ev_class not in (select oid from moved)
union
select pg_describe_object(d.classid, d.objid, 0) || ' uses it'
  from pg_depend d
 where d.classid in ('pg_proc'::regclass, 'pg_publication_rel'::regclass)
   and d.refclassid = 'pg_class'::regclass and d.refobjid in (select oid from moved)
union
select pg_describe_object(d.classid, d.objid, 0) || ' uses its row type'
  from pg_depend d join pg_type t on t.oid = d.refobjid
 where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_type'::regclass and t.typrelid in (select oid from moved)
union
select i.inhrelid::regclass || ' is a partition or child of it'
  from pg_inherits i
 where i.inhparent in (select oid from moved) and i.inhrelid not in (select oid from moved)
   and exists (select from pg_class c where c.oid = i.inhrelid and c.relkind in ('r', 'p', 'f'))
union
select 'it is a partition or child of ' || i.inhparent::regclass
  from pg_inherits i
 where i.inhrelid in (select oid from moved) and i.inhparent not in (select oid from moved)
   and exists (select from pg_class c where c.oid = i.inhrelid and c.relkind in ('r', 'p', 'f'))
union
select 'extension ' || e.extname || ' owns it'
  from pg_depend d join pg_extension e on e.oid = d.refobjid
 where d.classid = 'pg_class'::regclass and d.objid in (select oid from moved)
   and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
 order by 1`;

/** One sentence for everything outside of the relations that would go on using them after they were moved aside. */
export async function outsideUsers(client: Client, relations: readonly TocEntry[]): Promise<string[]> {
  const { rows } = await client.query<{ user: string }>(usersQuery, [
    relations.map(({ schema }) => schema),
    relations.map(({ tag }) => tag),
  ]);
  return rows.map(({ user }) => user);
}
