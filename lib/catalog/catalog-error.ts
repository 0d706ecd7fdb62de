import { DatabaseError } from 'pg';
import { HoldfastError } from '../core/errors.ts';

/**
 * A failure of the catalog's server, or of the way to it, as one of ours. The server's own words are passed on only where they
 * cannot hold row data; the original stays as the cause.
 */
export function asCatalogError(error: unknown, where: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  if (!(error instanceof DatabaseError)) {
    return ofTheWay(error, where);
  }
  const state = error.code ?? '';
  const fail = (code: 'auth-failed' | 'privilege-missing' | 'database-missing', hint: string): HoldfastError =>
    new HoldfastError(code, `catalog at ${where}: ${error.message}`, { hint, cause: error });

  if (state.startsWith('28')) {
    return fail('auth-failed', 'is the catalog user right, its password current, and (on RDS) rds_iam granted to it?');
  }
  if (state === '42501') {
    return fail(
      'privilege-missing',
      "was the catalog migrated by its owner? 'holdfast catalog migrate' grants what is needed",
    );
  }
  if (state === '3D000') return fail('database-missing', 'create the catalog database, or correct its name');
  // 3F000, 42P01, 42703: a schema, table or column that a migration makes. It is there as soon as the deployment has gone through.
  if (['3F000', '42P01', '42703'].includes(state)) {
    return new HoldfastError(
      'catalog-unavailable',
      `catalog at ${where} lacks a part of its schema: ${error.message}`,
      {
        hint: "bring it up to date with 'holdfast catalog migrate'",
        cause: error,
      },
    );
  }
  if (isTransient(state)) {
    return new HoldfastError('catalog-unavailable', `catalog at ${where}: ${error.message}`, { cause: error });
  }
  const constraint = error.constraint === undefined ? '' : ` (constraint '${error.constraint}')`;
  return new HoldfastError('internal', `catalog at ${where} refused a statement: SQLSTATE '${state}'${constraint}`, {
    cause: error,
  });
}

/** Is it the catalog as a whole that is away, rather than one statement that it refused? */
export const isUnavailable = (error: unknown): boolean => asCatalogError(error, 'the catalog').retryable;

/** A failure that the server did not report: of the network, of TLS, or of pg itself. */
function ofTheWay(error: unknown, where: string): HoldfastError {
  const why = error instanceof Error ? error.message : String(error);
  if (isConnectionFailure(error)) {
    return new HoldfastError('catalog-unavailable', `catalog at ${where} cannot be reached: ${why}`, { cause: error });
  }
  if (tlsWords.test(`${codeOf(error)} ${why}`)) {
    return new HoldfastError('config-invalid', `catalog at ${where} cannot be trusted: ${why}`, {
      hint: "does the server speak TLS, under this name, with a certificate that is trusted here? See the catalog's sslmode",
      cause: error,
    });
  }
  if (/password must be a string/.test(why)) {
    return new HoldfastError('auth-failed', `catalog at ${where} asks for a password, and none is configured`, {
      cause: error,
    });
  }
  return new HoldfastError('internal', `catalog at ${where}: ${why}`, { cause: error });
}

/** Connection exceptions, out of resources, shutting down or starting up, cancelled, deadlock and serialization failures. */
const isTransient = (state: string): boolean =>
  /^(08|53|57|40)/.test(state) || state === '55P03' || state === '25006' || state === '58030';

const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

/** pg gives lost connections and its own time-outs no code, only these words. */
const connectionWords = /timeout|terminated|connection ended|not queryable|client was closed/i;

/** No TLS at the other end, a certificate that nobody here vouches for, or one for another name. */
const tlsWords = /support SSL|CERT|certificate|ERR_TLS|ERR_SSL|self.signed/;

function isConnectionFailure(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isConnectionFailure);
  return error instanceof Error && (connectionCodes.has(codeOf(error)) || connectionWords.test(error.message));
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');
