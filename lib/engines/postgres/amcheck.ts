import { type Client, escapeIdentifier } from 'pg';
import { isFinding } from './errors.ts';

/** What was found in so many tables and indexes. */
export type Examined = {
  readonly relations: number;
  readonly problems: readonly string[];
  readonly remarks: readonly string[];
};

type Relation = {
  readonly oid: string;
  readonly name: string;
  readonly isIndex: boolean;
  /** What prepared transactions leave of it to others; nobody else is at work, and they end when somebody says so. */
  readonly access: 'whole' | 'read' | 'none';
};

/** What users have made, and the TOAST tables that belong to it: heaps, and B-trees that are in use. */
const relationsQuery = `
with held as materialized (
  select l.relation, l.mode
    from pg_locks l
    join pg_database d on d.oid = l.database and d.datname = current_database()
   where l.pid is null and l.locktype = 'relation'
)
select c.oid::text as oid, format('%I.%I', n.nspname, c.relname) as name, c.relkind = 'i' as "isIndex",
       (select case when bool_or(mode = 'AccessExclusiveLock') then 'none'
                    when bool_or(mode not in ('AccessShareLock', 'RowShareLock', 'ShareLock')) then 'read'
                    else 'whole' end
          from held
         where relation in (c.oid, i.indrelid)) as access
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_am a on a.oid = c.relam
  left join pg_index i on i.indexrelid = c.oid
 where c.oid >= 16384 and c.relpersistence <> 't'
   and (c.relkind in ('r', 'm', 't') and a.amname = 'heap'
        or c.relkind = 'i' and a.amname = 'btree' and i.indisvalid and i.indisready and i.indislive)
 order by c.oid`;

/** Where the extension is installed when the database lacks it: apart from the functions of the database. */
export const ownSchema = 'holdfast_amcheck';

/**
 * Goes through the structure of every table and B-tree index of the session's database with the extension amcheck: each row readable, each
 * index in order and complete against its table, no key twice in a unique index (from 17 on). Its findings name relations and places, and no
 * values. Needs a superuser; installs the extension where the database lacks it. It waits for no prepared transaction: what one has locked is
 * checked as far as it can be read, or left out with a remark.
 */
export async function checkRelations(client: Client, onRelation: (name: string) => void): Promise<Examined> {
  const where = await installExtension(client);
  if (where === undefined)
    return {
      relations: 0,
      problems: [],
      remarks: ['the server has no extension amcheck: structures were not checked'],
    };
  const offered = await offeredBy(client, where);
  const { rows: relations } = await client.query<Relation>(relationsQuery);
  const meant = relations.filter(({ isIndex }) => isIndex || offered.has('verify_heapam'));
  const checked = meant.filter(({ access }) => access !== 'none');
  const problems: string[] = [];
  for (const relation of checked) {
    onRelation(relation.name);
    problems.push(...(await (relation.isIndex ? checkIndex : checkTable)(client, { where, relation, offered })));
  }
  const locked = meant.length - checked.length;
  const remarks = [
    ...(meant.length < relations.length ? ['amcheck of this version goes through indexes only'] : []),
    ...(locked === 0
      ? []
      : [`${locked} tables and indexes were not checked: prepared transactions have locked them (pg_prepared_xacts)`]),
  ];
  return { relations: checked.length, problems, remarks };
}

async function installExtension(client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ schema: string | null }>(
    `select n.nspname as schema
       from pg_available_extensions a
       left join pg_extension e on e.extname = a.name
       left join pg_namespace n on n.oid = e.extnamespace
      where a.name = 'amcheck'`,
  );
  const [found] = rows;
  if (found === undefined || found.schema !== null) return found?.schema ?? undefined;
  await client.query(`create schema ${ownSchema}`);
  await client.query(`create extension amcheck schema ${ownSchema}`);
  return ownSchema;
}

/** The extension's functions, and `checkunique` where its index check takes that. */
async function offeredBy(client: Client, where: string): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string; args: string[] | null }>(
    `select p.proname as name, p.proargnames as args
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = $1 and p.proname in ('verify_heapam', 'bt_index_parent_check')`,
    [where],
  );
  const hasUnique = rows.some(({ name, args }) => name === 'bt_index_parent_check' && args?.includes('checkunique'));
  return new Set([...rows.map(({ name }) => name), ...(hasUnique ? ['checkunique'] : [])]);
}

type Check = { readonly where: string; readonly relation: Relation; readonly offered: ReadonlySet<string> };

async function checkTable(client: Client, { where, relation }: Check): Promise<string[]> {
  const query = `select blkno, msg from ${escapeIdentifier(where)}.verify_heapam(relation => $1::oid::regclass, check_toast => true) limit 5`;
  return problemsOf(`table ${relation.name}`, async () => {
    const { rows } = await client.query<{ blkno: string; msg: string }>(query, [relation.oid]);
    return rows.map(({ blkno, msg }) => `block ${blkno}: ${msg}`);
  });
}

async function checkIndex(client: Client, { where, relation, offered }: Check): Promise<string[]> {
  const unique = offered.has('checkunique') ? ', checkunique => true' : '';
  // The check of a page against its parent lets nobody write meanwhile, and so would wait for who has written.
  const check =
    relation.access === 'read'
      ? `bt_index_check(index => $1::oid::regclass, heapallindexed => true${unique})`
      : `bt_index_parent_check(index => $1::oid::regclass, heapallindexed => true, rootdescend => true${unique})`;
  const query = `select ${escapeIdentifier(where)}.${check}`;
  return problemsOf(`index ${relation.name}`, async () => {
    await client.query(query, [relation.oid]);
    return [];
  });
}

/** amcheck of an index raises an error for what it finds; one of a broken connection is no finding. */
async function problemsOf(what: string, check: () => Promise<readonly string[]>): Promise<string[]> {
  try {
    return (await check()).map((problem) => `${what}: ${problem}`);
  } catch (error) {
    if (!isFinding(error)) throw error;
    return [`${what}: ${error.message}`];
  }
}
