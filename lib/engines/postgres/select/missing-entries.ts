import type { Client } from 'pg';
import type { TocEntry } from '../archive/read-toc.ts';

/**
 * Whether the database has the object of an entry. A function is looked for by its schema and name whatever its arguments; of a kind that is
 * not listed it is not known, and it counts as missing.
 */
const presentQuery = `
select coalesce(case
    when kind = 'SCHEMA' then exists (select from pg_namespace where nspname = tag)
    when kind in ('TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE', 'INDEX')
      then exists (select from pg_class c where c.relnamespace = n.oid and c.relname = tag)
    when kind in ('TYPE', 'SHELL TYPE', 'DOMAIN')
      then exists (select from pg_type t where t.typnamespace = n.oid and t.typname = tag)
    when kind in ('FUNCTION', 'PROCEDURE', 'AGGREGATE')
      then exists (select from pg_proc p where p.pronamespace = n.oid and p.proname = regexp_replace(tag, '\\(.*$', ''))
    when kind in ('CONSTRAINT', 'CHECK CONSTRAINT', 'FK CONSTRAINT')
      then exists (select from pg_constraint k join pg_class c on c.oid = k.conrelid
                    where c.relnamespace = n.oid and c.relname || ' ' || k.conname = tag)
    when kind = 'DEFAULT'
      then exists (select from pg_class c join pg_attribute a on a.attrelid = c.oid
                    where c.relnamespace = n.oid and c.relname || ' ' || a.attname = tag)
    when kind = 'COLLATION' then exists (select from pg_collation c where c.collnamespace = n.oid and c.collname = tag)
    when kind = 'EXTENSION' then exists (select from pg_extension where extname = tag)
    when kind = 'PROCEDURAL LANGUAGE' then exists (select from pg_language where lanname = tag)
    when kind = 'FOREIGN DATA WRAPPER' then exists (select from pg_foreign_data_wrapper where fdwname = tag)
    when kind = 'SERVER' then exists (select from pg_foreign_server where srvname = tag)
  end, false) as present
  from unnest($1::text[], $2::text[], $3::text[]) with ordinality as entry (kind, schema, tag, place)
  left join pg_namespace n on n.nspname = entry.schema
 order by place`;

/** Those of the entries whose object the session's database does not have. */
export async function missingEntries(client: Client, entries: readonly TocEntry[]): Promise<TocEntry[]> {
  const { rows } = await client.query<{ present: boolean }>(presentQuery, [
    entries.map(({ kind }) => kind),
    entries.map(({ schema }) => schema),
    entries.map(({ tag }) => tag),
  ]);
  return entries.filter((_, index) => rows[index]?.present !== true);
}

/** Those of the entries' owners that are no roles of the server. */
export async function missingOwners(client: Client, entries: readonly TocEntry[]): Promise<string[]> {
  const owners = [...new Set(entries.map(({ owner }) => owner))].filter((owner) => owner !== '');
  const { rows } = await client.query<{ name: string }>(
    'select name from unnest($1::text[]) as owner (name) where name not in (select rolname from pg_roles)',
    [owners],
  );
  return rows.map(({ name }) => name);
}

/** An entry as a person calls it, e.g. `function public.add(integer)`. */
export function nameOfEntry({ kind, schema, tag }: TocEntry): string {
  return `${kind.toLowerCase()} '${schema === '' ? '' : `${schema}.`}${tag}'`;
}
