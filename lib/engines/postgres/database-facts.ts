import type { Client } from 'pg';
import * as z from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import type { StreamRecord } from '../../core/manifest.ts';

/**
 * What a database is beside its content: `pg_restore` gives these back only under the database's old name, so they are captured as
 * facts of the stream, and a restore applies them under any name (properties.ts).
 */
const databaseFactsSchema = z.object({
  serverVersion: z.string(),
  major: z.number().int(),
  toolVersion: z.string(),
  /** The moment that the dump shows: all of it is from one snapshot. */
  snapshotLsn: z.string(),
  snapshotAt: z.string(),
  inRecovery: z.boolean(),
  sizeBytes: z.number(),
  estimatedRows: z.number(),
  owner: z.string(),
  encoding: z.string(),
  /** `c` libc, `i` ICU, `b` built in. */
  localeProvider: z.enum(['c', 'i', 'b']),
  collate: z.string(),
  ctype: z.string(),
  locale: z.string().nullable(),
  icuRules: z.string().nullable(),
  collationVersion: z.string().nullable(),
  tablespace: z.string(),
  connectionLimit: z.number().int(),
  isTemplate: z.boolean(),
  comment: z.string().nullable(),
  /** Null: the built-in default. Grantee null: PUBLIC. */
  privileges: z
    .array(
      z.object({
        grantor: z.string(),
        grantee: z.string().nullable(),
        privilege: z.string(),
        isGrantable: z.boolean(),
      }),
    )
    .nullable(),
  /** `ALTER DATABASE … SET` (role null) and `ALTER ROLE … IN DATABASE … SET`. */
  settings: z.array(z.object({ role: z.string().nullable(), name: z.string(), value: z.string() })),
  securityLabels: z.array(z.object({ provider: z.string(), label: z.string() })),
  extensions: z.array(z.object({ name: z.string(), version: z.string(), schema: z.string() })),
  /** Versions of the collations in use beside the database's own, as the operating system or ICU had them. */
  collations: z.array(z.object({ name: z.string(), version: z.string() })),
  hasPublicSchema: z.boolean(),
  /** Every role that the database names: owners, grantees, policies. They must exist where it is restored. */
  roles: z.array(z.string()),
  tablespaces: z.array(z.string()),
  /** The money type's text depends on this setting; null when no column holds money. */
  lcMonetary: z.string().nullable(),
});
export type DatabaseFacts = z.infer<typeof databaseFactsSchema>;

/** The facts that `record` carries. Throws `manifest-unreadable` when it is not a database's. */
export function factsOf(record: Pick<StreamRecord, 'stream' | 'facts'>): DatabaseFacts {
  const parsed = databaseFactsSchema.safeParse(record.facts);
  if (parsed.success) return parsed.data;
  throw new HoldfastError(
    'manifest-unreadable',
    `the facts of stream '${record.stream}' are not those of a database: ${z.prettifyError(parsed.error)}`,
  );
}

/** Columns of pg_database that came with later versions, by the first major that has them. */
function localeColumns(major: number): string {
  const provider = major >= 15 ? 'd.datlocprovider' : `'c'`;
  const locale = major >= 17 ? 'd.datlocale' : major >= 15 ? 'd.daticulocale' : 'null';
  const rules = major >= 16 ? 'd.daticurules' : 'null';
  const version = major >= 15 ? 'd.datcollversion' : 'null';
  return `${provider} as "localeProvider", ${locale} as locale, ${rules} as "icuRules", ${version} as "collationVersion"`;
}

const factsQuery = (major: number) => `
select pg_get_userbyid(d.datdba) as owner,
       pg_encoding_to_char(d.encoding) as encoding,
       d.datcollate as "collate",
       d.datctype as ctype,
       ${localeColumns(major)},
       t.spcname as tablespace,
       d.datconnlimit as "connectionLimit",
       d.datistemplate as "isTemplate",
       shobj_description(d.oid, 'pg_database') as comment,
       case when d.datacl is null then null else
         (select coalesce(json_agg(json_build_object(
                   'grantor', pg_get_userbyid(a.grantor),
                   'grantee', case when a.grantee <> 0 then pg_get_userbyid(a.grantee) end,
                   'privilege', a.privilege_type,
                   'isGrantable', a.is_grantable) order by a.position, a.privilege_type), '[]')
            from rows from (aclexplode(d.datacl)) with ordinality as a (grantor, grantee, privilege_type, is_grantable, position))
       end as privileges,
       (select coalesce(json_agg(json_build_object(
                 'role', r.rolname,
                 'name', split_part(c.setting, '=', 1),
                 'value', substr(c.setting, strpos(c.setting, '=') + 1)) order by r.rolname nulls first, c.position), '[]')
          from pg_db_role_setting s
          left join pg_roles r on r.oid = s.setrole
          cross join unnest(s.setconfig) with ordinality as c (setting, position)
         where s.setdatabase = d.oid) as settings,
       (select coalesce(json_agg(json_build_object('provider', l.provider, 'label', l.label) order by l.provider), '[]')
          from pg_shseclabel l where l.objoid = d.oid and l.classoid = 'pg_database'::regclass) as "securityLabels",
       (select coalesce(json_agg(json_build_object('name', e.extname, 'version', e.extversion, 'schema', n.nspname)
                 order by e.extname), '[]')
          from pg_extension e join pg_namespace n on n.oid = e.extnamespace) as extensions,
       (select coalesce(json_agg(json_build_object('name', c.collname, 'version', c.collversion) order by c.collname), '[]')
          from (select distinct c.collname, c.collversion
                  from pg_attribute a
                  join pg_collation c on c.oid = a.attcollation
                 where c.collversion is not null and a.attrelid >= 16384) c) as collations,
       exists (select from pg_namespace where nspname = 'public') as "hasPublicSchema",
       (select coalesce(json_agg(r.rolname order by r.rolname), '[]')
          from pg_roles r
         where r.oid = d.datdba
            or exists (select from pg_shdepend s where s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid
                          and (s.dbid = d.oid or (s.dbid = 0 and s.classid = 'pg_database'::regclass and s.objid = d.oid)))
            -- What the bootstrap superuser owns is not in pg_shdepend.
            or (r.oid = 10 and (exists (select from pg_class where relowner = 10 and oid >= 16384)
                             or exists (select from pg_proc where proowner = 10 and oid >= 16384)
                             or exists (select from pg_namespace where nspowner = 10 and oid >= 16384)
                             or exists (select from pg_type where typowner = 10 and oid >= 16384)))) as roles,
       (select coalesce(json_agg(distinct s.spcname), '[]')
          from pg_tablespace s
         where s.spcname not in ('pg_default', 'pg_global')
           and (s.oid = d.dattablespace or exists (select from pg_class c where c.reltablespace = s.oid))) as tablespaces,
       case when exists (select from pg_attribute
                          where atttypid in ('money'::regtype, 'money[]'::regtype) and attrelid >= 16384 and not attisdropped)
              or exists (select from pg_type where typbasetype in ('money'::regtype, 'money[]'::regtype))
            then current_setting('lc_monetary') end as "lcMonetary",
       split_part(current_setting('server_version'), ' ', 1) as "serverVersion",
       pg_is_in_recovery() as "inRecovery",
       case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end::text as "snapshotLsn",
       to_char(transaction_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "snapshotAt",
       pg_database_size(d.oid)::float8 as "sizeBytes",
       (select coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 from pg_class c where c.relkind in ('r', 'm')
           and c.oid >= 16384) as "estimatedRows"
  from pg_database d
  join pg_tablespace t on t.oid = d.dattablespace
 where d.datname = current_database()`;

/** Facts of the database that the session is in. Inside a snapshot's transaction they belong to that snapshot. */
export async function readDatabaseFacts(
  client: Client,
  server: { readonly major: number; readonly toolVersion: string },
): Promise<DatabaseFacts> {
  const { rows } = await client.query(factsQuery(server.major));
  return databaseFactsSchema.parse({ ...rows[0], ...server });
}
