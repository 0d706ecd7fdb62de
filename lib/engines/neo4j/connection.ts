import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { auth, type Config, type Driver, driver, type Session } from 'neo4j-driver';
import * as z from 'zod';
import { neo4jConnectionSchema } from '../../config/targets/neo4j.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { EngineContext } from '../engine.ts';
import { fromServerError } from './errors.ts';

/** The target's own section, with the password itself instead of a reference to it. */
export const connectionSchema = neo4jConnectionSchema.extend({ password: z.string().optional() });
export type Connection = z.infer<typeof connectionSchema>;

/** A server that answered. Close it. */
export type Server = {
  readonly driver: Driver;
  /** Like '5.26.30'. */
  readonly version: string;
  readonly edition: 'community' | 'enterprise';
  /** What a statement has to begin with so that its dialect is the one that is written here. */
  readonly dialect: string;
  readonly address: string;
};

/** The connection that a context's section describes. Throws `config-invalid`. */
export function parseConnection(section: unknown): Connection {
  const parsed = connectionSchema.safeParse(section);
  if (parsed.success) return parsed.data;
  throw new HoldfastError('config-invalid', `connection: ${z.prettifyError(parsed.error)}`);
}

/** Connects, asks the server who it is, hands it to `work`, and closes it. Rejects with `source-unreachable`, `auth-failed`, `version-mismatch`. */
export async function withServer<Result>(
  context: Pick<EngineContext, 'connection' | 'scratch'>,
  work: (server: Server, connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = parseConnection(context.connection);
  const server = await connect(connection, context.scratch);
  try {
    return await work(server, connection);
  } finally {
    await server.driver.close();
  }
}

/** As `withServer`, for a server that is closed by whoever asked. */
export async function connect(connection: Connection, scratch: string): Promise<Server> {
  const { host, port, user, password, routing } = connection;
  const address = `${host}:${port}`;
  const uri = `${routing ? 'neo4j' : 'bolt'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const opened = driver(uri, password === undefined ? auth.basic(user, '') : auth.basic(user, password), {
    ...encryption(connection, scratch),
    useBigInt: true,
    userAgent: 'holdfast',
    // Records are read ahead by number, whatever their size.
    fetchSize: 1000,
    connectionTimeout: 15_000,
    connectionAcquisitionTimeout: 30_000,
    // A cluster has another leader by then. The last wait begins within this time: in all it is up to 16 seconds.
    maxTransactionRetryTime: 10_000,
    disableLosslessIntegers: false,
    notificationFilter: { minimumSeverityLevel: 'OFF' },
    telemetryDisabled: true,
  });
  try {
    // One attempt: whoever asks wants to know now.
    const session = opened.session({ database: 'system', defaultAccessMode: 'READ' });
    const { records } = await session.run('CALL dbms.components() YIELD name, versions, edition');
    await session.close();
    const kernel = records.find((record) => record.get('name') === 'Neo4j Kernel');
    const [version = ''] = (kernel?.get('versions') ?? []) as readonly string[];
    const major = Number.parseInt(version, 10);
    if (!(major >= 5))
      throw new HoldfastError('version-mismatch', `the server at '${address}' is Neo4j '${version}'`, {
        hint: 'Neo4j 5 and later are supported; earlier ones are no longer maintained',
      });
    const edition = kernel?.get('edition') === 'enterprise' ? 'enterprise' : 'community';
    return { driver: opened, version, edition, dialect: major >= 2025 ? 'CYPHER 5 ' : '', address };
  } catch (error) {
    await opened.close();
    throw fromServerError(error, `the server at '${address}'`);
  }
}

function encryption({ tls, sslrootcert }: Connection, scratch: string): Config {
  if (tls === 'disable') return { encrypted: 'ENCRYPTION_OFF' };
  if (tls === 'trust') return { encrypted: 'ENCRYPTION_ON', trust: 'TRUST_ALL_CERTIFICATES' };
  if (sslrootcert === undefined || sslrootcert === 'system')
    return { encrypted: 'ENCRYPTION_ON', trust: 'TRUST_SYSTEM_CA_SIGNED_CERTIFICATES' };
  const file = path.join(scratch, 'authority.pem');
  writeFileSync(file, sslrootcert);
  return {
    encrypted: 'ENCRYPTION_ON',
    trust: 'TRUST_CUSTOM_CA_SIGNED_CERTIFICATES',
    trustedCertificates: [file],
  };
}

/** Opens a session on the database, hands it to `work`, and closes it. */
export async function withSession<Result>(
  server: Server,
  options: { readonly database: string; readonly mode?: 'READ' | 'WRITE' },
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = server.driver.session({
    database: options.database,
    defaultAccessMode: options.mode ?? 'READ',
  });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** A database that can be read. `system` is none: it has users and names, and no graph of theirs. */
export async function chosenDatabases(server: Server, { databases, exclude }: Connection): Promise<readonly string[]> {
  const found = await withSession(server, { database: 'system' }, async (session) => {
    const { records } = await session.run('SHOW DATABASES YIELD name, type, currentStatus, requestedStatus');
    return records.map((record) => ({
      name: String(record.get('name')),
      type: String(record.get('type')),
      isOnline: record.get('currentStatus') === 'online',
      isWanted: record.get('requestedStatus') === 'online',
    }));
  });
  const graphs = new Map(found.filter(({ type }) => type === 'standard').map((one) => [one.name, one]));
  if (databases === 'all') {
    const wanted = [...graphs.values()].filter(({ name, isWanted }) => isWanted && !exclude.includes(name));
    return wanted.map(({ name }) => name).toSorted();
  }
  for (const name of databases) {
    if (graphs.has(name)) continue;
    throw new HoldfastError('database-missing', `the server at '${server.address}' has no database '${name}'`, {
      hint: `it has ${[...graphs.keys()].map((other) => `'${other}'`).join(', ')}`,
    });
  }
  return databases;
}
