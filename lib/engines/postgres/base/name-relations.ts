import type { Client } from 'pg';
import type { Connection } from '../connection.ts';
import { inDatabase } from '../in-database.ts';
import { connectToServer } from '../server.ts';

/** A file of a cluster that is part of a relation: `database` is 0 for one that all databases share. */
export type RelationFile = {
  readonly file: string;
  readonly database: number;
  readonly tablespace: number;
  readonly filenode: number;
};

const defaultTablespace = 1663;
const sharedTablespace = 1664;

/** What a file's path in the cluster's folder says of it, whichever segment or fork of its relation it is; undefined when it is of none. */
export function relationFileOf(file: string): RelationFile | undefined {
  const [, database, tablespace, databaseThere, filenode] =
    /^(?:global|base\/(\d+)|pg_tblspc\/(\d+)\/[^/]+\/(\d+))\/(\d+)(?:_(?:fsm|vm|init))?(?:\.\d+)?$/.exec(file) ?? [];
  if (filenode === undefined) return undefined;
  return {
    file,
    database: Number(database ?? databaseThere ?? 0),
    tablespace: Number(tablespace ?? (database === undefined ? sharedTablespace : defaultTablespace)),
    filenode: Number(filenode),
  };
}

const statementTimeoutSeconds = 10;
/** For all databases together; a session that is being opened then has its own limit. */
const longestMs = 20_000;

/**
 * What the files of a cluster are part of, by file: `orders.public.item`. Never rejects: a file of which the server cannot say it, or not in time,
 * has no name. Its databases are asked one after the other, by one session at a time.
 */
export async function nameRelations(
  connection: Connection,
  files: readonly string[],
  { signal }: { readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, string>> {
  const known = [...new Set(files)].flatMap((file) => relationFileOf(file) ?? []);
  const names = new Map<string, string>();
  if (known.length === 0) return names;
  const limits = { signal: AbortSignal.any([signal, AbortSignal.timeout(longestMs)]), statementTimeoutSeconds };
  const add = (named: readonly Named[]): void => {
    for (const { file, name } of named) names.set(file, name);
  };
  try {
    const client = await connectToServer(connection, limits);
    let databases: readonly Database[];
    try {
      databases = await databasesOf(client, known);
      add(
        await relationsOf(
          client,
          known.filter(({ database }) => database === 0),
        ),
      );
    } finally {
      await client.end().catch(() => {});
    }
    for (const { oid, name } of databases) {
      if (limits.signal.aborted) break;
      const own = known.filter(({ database }) => database === oid);
      // One that lets nobody in, as 'template0', keeps the others from nothing.
      add(await inDatabase(connection, name, (session) => relationsOf(session, own), limits).catch(() => []));
    }
  } catch {
    // Without names there are the files: the backup has the damage either way, and is not to fail for this.
  }
  return names;
}

type Database = { readonly oid: number; readonly name: string };
type Named = { readonly file: string; readonly name: string };

async function databasesOf(client: Client, files: readonly RelationFile[]): Promise<readonly Database[]> {
  const { rows } = await client.query<Database>(
    'select oid::int8::float8 as oid, datname as name from pg_catalog.pg_database where oid = any ($1::oid[])',
    [files.map(({ database }) => database)],
  );
  return rows;
}

/** A TOAST table, whose own name says little, is named with the table that it belongs to. */
const relationsQuery = `
select f.file,
       case when f.tablespace = ${sharedTablespace} then '' else pg_catalog.quote_ident(current_database()) || '.' end
         || pg_catalog.format('%I.%I', n.nspname, c.relname)
         || case when owner.oid is null then '' else pg_catalog.format(' of %I.%I', owner_n.nspname, owner.relname) end as name
  from unnest($1::text[], $2::oid[], $3::oid[]) as f (file, tablespace, filenode)
  join pg_catalog.pg_class c on c.oid = pg_catalog.pg_filenode_relation(f.tablespace, f.filenode)
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_index i on i.indexrelid = c.oid
  left join pg_catalog.pg_class owner on owner.reltoastrelid = coalesce(i.indrelid, c.oid)
  left join pg_catalog.pg_namespace owner_n on owner_n.oid = owner.relnamespace`;

async function relationsOf(client: Client, files: readonly RelationFile[]): Promise<readonly Named[]> {
  if (files.length === 0) return [];
  const { rows } = await client.query<Named>(relationsQuery, [
    files.map(({ file }) => file),
    files.map(({ tablespace }) => tablespace),
    files.map(({ filenode }) => filenode),
  ]);
  return rows;
}
