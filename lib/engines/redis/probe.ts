import * as z from 'zod';
import { transferSchema } from '../../config/targets/redis.ts';
import type { EngineContext, EngineHealth, Probe } from '../engine.ts';
import { serverName } from './capture.ts';
import { type Connection, parseConnection } from './connection.ts';
import { Refusal } from './errors.ts';
import type { Session } from './protocol/session.ts';
import { openSession } from './protocol/session.ts';
import { isAtLeast, readServer, type Server, textOf, withServer } from './server.ts';
import { firstSlot, readShards } from './source/shards.ts';

type Finding = Probe['findings'][number];

const optionsSchema = z.object({ transfer: transferSchema.default('auto'), acl: z.boolean().default(false) });

/** What servers of today bring along. */
const builtIn: ReadonlySet<string> = new Set(['lua', 'vectorset']);

/** Looks at the server and at what its user may do, and says what would make a backup fail or be less than it should. */
export async function probeServer(context: EngineContext): Promise<Probe> {
  const connection = parseConnection(context.connection);
  const options = optionsSchema.parse(context.options);
  return withServer(connection, context.signal, async (session, server) => {
    const shards = server.isCluster ? await readShards(session) : [];
    const findings = [
      ...(await rightsFindings(session, server, options)),
      ...memoryFindings(server),
      ...transportFindings(connection),
    ];
    const parts =
      shards.length === 0
        ? [{ kind: 'server', name: serverName, sizeBytes: server.usedMemory }]
        : shards.map((shard) => ({
            kind: 'shard',
            name: `shard-${firstSlot(shard)}`,
            // Of the shard that was asked, for want of a look at each.
            sizeBytes: server.usedMemory,
          }));
    return {
      reachable: true,
      serverVersion: `${server.product} ${server.version}`,
      facts: {
        product: server.product,
        serverVersion: server.version,
        isReplica: server.isReplica,
        isCluster: server.isCluster,
        usedMemory: server.usedMemory,
        maxMemory: server.maxMemory,
        isAppendOnly: server.isAppendOnly,
        keys: Object.fromEntries([...server.keys].map(([database, keys]) => [`db${database}`, keys])),
        modules: [...server.modules],
      },
      parts,
      findings,
    };
  });
}

async function rightsFindings(
  session: Session,
  server: Server,
  { transfer, acl }: z.infer<typeof optionsSchema>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const lacks = async (...command: readonly string[]): Promise<boolean> => !(await isAllowed(session, server, command));
  const mayReplicate =
    transfer !== 'keys' && !(await lacks('PSYNC', '?', '-1')) && !(await lacks('REPLCONF', 'capa', 'eof'));
  if (transfer !== 'keys' && !mayReplicate)
    findings.push({
      level: transfer === 'replication' ? 'error' : 'warning',
      message: 'the backup user may not replicate: keys are read one by one, each at its own moment',
      fix: "allow it '+psync +replconf'; where the service forbids that, set transfer to 'keys'",
    });
  if (!mayReplicate)
    for (const command of [
      ['SCAN', '0'],
      ['DUMP', 'key'],
      [isAtLeast(server, 7) ? 'PEXPIRETIME' : 'PTTL', 'key'],
    ] as const)
      if (await lacks(...command))
        findings.push({
          level: 'error',
          message: `the backup user may not ${command[0]}`,
          fix: `allow it '~* +${command[0].toLowerCase()}'`,
        });
  if (server.isCluster && (await lacks('CLUSTER', 'NODES')))
    findings.push({
      level: 'warning',
      message:
        'the backup user may not ask which slots are on their way from one shard to another, and keys of theirs may be missed',
      fix: "allow it '+cluster|nodes'",
    });
  if (acl && (await lacks('ACL', 'LIST')))
    findings.push({
      level: 'error',
      message: 'the backup user may not list ACL users',
      fix: "allow it '+acl|list', or set acl to false",
    });
  const modules = server.modules.filter((name) => !builtIn.has(name));
  if (modules.length > 0)
    findings.push({
      level: 'warning',
      message: `the server has modules (${modules.join(', ')}): what they keep in keys of their own types only a server with them takes back`,
      fix: "keep the format 'rdb', which holds their values as they are",
    });
  return findings;
}

/** Would the server run the command for this user? Servers before 7.0, and services that do not tell, are taken to. */
async function isAllowed(session: Session, server: Server, command: readonly string[]): Promise<boolean> {
  if (!isAtLeast(server, 7)) return true;
  try {
    const user = textOf(await session.ask(['ACL', 'WHOAMI']));
    const answer = await session.ask(['ACL', 'DRYRUN', user, ...command]);
    return textOf(answer) === 'OK';
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return mayRun(session, command);
  }
}

/** Without the right to ask, the command itself is asked, as far as it changes nothing. */
async function mayRun(session: Session, command: readonly string[]): Promise<boolean> {
  if (command[0] === 'PSYNC') return true;
  try {
    await session.ask(command);
    return true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.kind !== 'NOPERM' && !/unknown command/i.test(error.message);
  }
}

function memoryFindings(server: Server): Finding[] {
  // A snapshot is made by a child, whose memory grows by what is written meanwhile.
  if (server.maxMemory === 0 || server.usedMemory < server.maxMemory * 0.95) return [];
  return [
    {
      level: 'warning',
      message: `the server uses ${Math.round((server.usedMemory / server.maxMemory) * 100)} % of its maxmemory: it evicts keys, or refuses them`,
      fix: 'raise maxmemory; what is evicted before a backup is in none',
    },
  ];
}

function transportFindings({ sslmode, host, socketPath }: Connection): Finding[] {
  const isLocal = socketPath !== undefined || ['127.0.0.1', '::1', 'localhost'].includes(host);
  if (sslmode !== 'disable' || isLocal) return [];
  return [
    {
      level: 'warning',
      message: 'the connection is not encrypted: password and keys can be read on the way',
      fix: "turn on TLS in the server (tls-port) and set sslmode to 'verify-full'",
    },
  ];
}

/** Does the server answer, and can it be backed up now? */
export async function serverHealth(context: EngineContext): Promise<EngineHealth> {
  await using session = await openSession(parseConnection(context.connection), context.signal);
  const server = await readServer(session);
  if (server.isCluster) await readShards(session);
  return {
    serverVersion: `${server.product} ${server.version}`,
    unarchivedWalFiles: null,
    ...(server.isReplica && { note: 'the server is a replica, and as old as its link to the primary' }),
  };
}
