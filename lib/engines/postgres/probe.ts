import type { Client } from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { Method } from '../../core/vocabulary.ts';
import type { EngineContext, Probe } from '../engine.ts';
import { baseSettings, isPhysical, scheduledMethods } from './base/base-settings.ts';
import { type BackupSource, standbyRefusals } from './base/choose-source.ts';
import { baseFindings, replicationRefusal } from './base/requirements.ts';
import type { FindTools } from './capture.ts';
import { type Connection, connect, parseConnection } from './connection.ts';
import { fromServerError } from './errors.ts';
import { walFindings } from './replication/wal-findings.ts';
import { chosenDatabases, connectToServer, readServer, type Server } from './server.ts';

type Finding = Probe['findings'][number];

/** Looks at the server and at every chosen database, and says what would make a backup fail or be less than it should. */
export async function probeServer(context: EngineContext, findTools: FindTools): Promise<Probe> {
  const connection = parseConnection(context.connection);
  const client = await connectToServer(connection);
  try {
    const server = await readServer(client);
    const databases = await chosenDatabases(client, connection);
    const methods = scheduledMethods(context);
    // Asked for once, by hand, it may be a dump: so nothing less than a schedule of physical backups alone excuses the rights of one.
    const isDumped = methods.length === 0 || !methods.every(isPhysical);
    const findings = [
      ...serverFindings(server, { connection, isDumped }),
      ...(await physicalFindings(context, { client, connection, server }, methods.filter(isPhysical))),
      ...(await walFindings(context, client)),
    ];
    const tools = await findTools(server.major).catch((error: unknown) => {
      if (!(error instanceof HoldfastError)) throw error;
      findings.push({ level: 'error', message: error.message, fix: error.hint });
      return undefined;
    });
    if (tools && isOlder(tools.version, server.version))
      findings.push({
        level: 'warning',
        message: `the client tools are ${tools.version}, and the server is ${server.version}`,
        fix: 'update the client tools: an older pg_dump may not know what a newer minor version keeps in its catalog',
      });
    const extensions: Record<string, string[]> = {};
    for (const { name } of databases) {
      const looked = await lookInto(connection, name, { server, isDumped });
      findings.push(...looked.findings);
      extensions[name] = looked.extensions;
    }
    return {
      reachable: true,
      serverVersion: server.version,
      facts: {
        serverVersion: server.version,
        major: server.major,
        systemIdentifier: server.systemIdentifier,
        inRecovery: server.inRecovery,
        isSuperuser: server.isSuperuser,
        freeConnections: server.freeConnections,
        isEncrypted: server.isEncrypted,
        toolVersion: tools?.version ?? null,
        extensions,
      },
      parts: databases.map(({ name, sizeBytes }) => ({ kind: 'database', name, sizeBytes })),
      findings,
    };
  } catch (error) {
    throw fromServerError(error, `the server at '${connection.host}:${connection.port}'`);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Whether version `one` is older than `other`, both of one major: `17.9` is older than `17.11`. */
function isOlder(one: string, other: string): boolean {
  return Number(one.split('.')[1] ?? 0) < Number(other.split('.')[1] ?? 0);
}

function serverFindings(
  server: Server,
  { connection, isDumped }: { readonly connection: Connection; readonly isDumped: boolean },
): Finding[] {
  const findings: Finding[] = [];
  if (isDumped && !server.readsRolePasswords)
    findings.push({
      level: 'warning',
      message: `user '${server.user}' may not read role passwords: the globals are saved without them`,
      fix: 'set the passwords anew after a restore, or back up as a superuser',
    });
  if (server.freeConnections < 3)
    findings.push({
      level: 'warning',
      message: `the server has ${server.freeConnections} connections left, and a dump takes two`,
      fix: 'raise max_connections, or run the backup at a quieter time',
    });
  const isLocal = ['127.0.0.1', '::1', 'localhost'].includes(connection.host) || connection.host.startsWith('/');
  if (!server.isEncrypted && !isLocal)
    findings.push({
      level: 'warning',
      message: 'the connection is not encrypted',
      fix: "turn on ssl in the server and set sslmode to 'verify-full'",
    });
  return findings;
}

/** What stands in the way of those backups of the target that come over the replication protocol, where it has any. */
async function physicalFindings(
  context: EngineContext,
  own: BackupSource,
  methods: readonly Method[],
): Promise<readonly Finding[]> {
  const { client, connection, server } = own;
  if (methods.length === 0) return [];
  const findings = await baseFindings(client, { methods, major: server.major });
  const plain = findings.map(({ level, message, fix }) => ({ level, message, fix }));
  // Without the privilege the session is refused for that, which is said already.
  if (findings.some(({ code }) => code === 'privilege-missing')) return plain;
  const refusal = await replicationRefusal(connection, context.signal);
  if (refusal) return [...plain, refusal];
  const { maxStandbyLagSeconds } = baseSettings(context);
  const standbys = await standbyRefusals(own, { maxStandbyLagSeconds, signal: context.signal });
  const fix =
    'mend it, or take it out of connection.standbys: base backups are read from the next one, or from the primary';
  return [...plain, ...standbys.map((message): Finding => ({ level: 'warning', message, fix }))];
}

/** Relations of which a dump could not read the rows, and why. Extensions' own tables are dumped only where they asked for it. */
const unreadableQuery = `
select format('%I.%I', n.nspname, c.relname) as name,
       case when not has_schema_privilege(n.oid, 'usage') then 'schema'
            when not has_table_privilege(c.oid, 'select') then 'select'
            else 'policy' end as reason
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'S')
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and c.relpersistence <> 't'
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
   and (not has_schema_privilege(n.oid, 'usage')
     or not has_table_privilege(c.oid, 'select')
     or (c.relkind in ('r', 'p') and c.relrowsecurity and row_security_active(c.oid)))
 order by 1
 limit 101`;

const unreadableObjectsQuery = `
select count(*)::int as count
  from pg_largeobject_metadata m
 where not pg_has_role(m.lomowner, 'usage')
   and not exists (select from aclexplode(m.lomacl) a where a.privilege_type = 'SELECT'
                      and (a.grantee = 0 or pg_has_role(a.grantee, 'usage')))`;

async function lookInto(
  connection: Connection,
  database: string,
  { server, isDumped }: { readonly server: Server; readonly isDumped: boolean },
): Promise<{ findings: Finding[]; extensions: string[] }> {
  let client: Client;
  try {
    client = await connect(connection, database, { statementTimeoutSeconds: 60 });
  } catch (error) {
    const { message, hint } = fromServerError(error, `database '${database}'`);
    return { findings: [{ level: 'error', message, fix: hint }], extensions: [] };
  }
  try {
    const { rows } = await client.query<{ name: string }>('select extname as name from pg_extension order by 1');
    const extensions = rows.map(({ name }) => name);
    // A base backup reads files, and not tables.
    if (!isDumped) return { findings: [], extensions };
    const unreadable = await client.query<{ name: string; reason: keyof typeof fixes }>(unreadableQuery);
    const objects = await client.query<{ count: number }>(unreadableObjectsQuery);
    const findings = unreadable.rows.map(
      ({ name, reason }): Finding => ({
        level: 'error',
        message: `user '${server.user}' cannot read ${name} in database '${database}'`,
        fix: fixes[reason](server.user),
      }),
    );
    const count = server.isSuperuser ? 0 : (objects.rows[0]?.count ?? 0);
    if (count > 0)
      findings.push({
        level: 'error',
        message: `user '${server.user}' cannot read ${count} large objects in database '${database}'`,
        fix: 'back up as a superuser or as their owner; before version 18 pg_read_all_data does not cover them',
      });
    return { findings, extensions };
  } finally {
    await client.end();
  }
}

const fixes = {
  schema: (user: string) => `grant pg_read_all_data to "${user}", or grant usage on the schema`,
  select: (user: string) => `grant pg_read_all_data to "${user}", or grant select on it`,
  policy: (user: string) => `alter role "${user}" bypassrls: a dump must see the rows that its policies hide`,
};
