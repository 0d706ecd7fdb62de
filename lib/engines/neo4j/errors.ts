import { Neo4jError } from 'neo4j-driver';
import type { ErrorCode } from '../../core/error-table.ts';
import { HoldfastError } from '../../core/errors.ts';

/** Translates what a server says into the error table. No other file matches codes or texts of Neo4j. */

const serverCodes: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /^Neo\.ClientError\.Security\.(Unauthorized|AuthenticationRateLimit|CredentialsExpired|TokenExpired)$/,
    'auth-failed',
  ],
  [/^Neo\.ClientError\.Security\./, 'privilege-missing'],
  [/^Neo\.ClientError\.Database\.DatabaseNotFound$/, 'database-missing'],
  [/^Neo\.TransientError\.Database\.DatabaseUnavailable$/, 'source-interrupted'],
  [/^Neo\.DatabaseError\.Database\.DatabaseUnavailable$/, 'source-interrupted'],
  [/^Neo\.DatabaseError\.Transaction\.TransactionLogError$/, 'disk-full'],
  [/^Neo\.TransientError\.General\.DatabaseUnavailable$/, 'source-interrupted'],
  [/^Neo\.TransientError\./, 'source-busy'],
  [
    /^Neo\.ClientError\.Transaction\.(TransactionTimedOut|Terminated|TransactionTimedOutClientConfiguration)/,
    'source-busy',
  ],
];

const untrusted = /certificate|self.signed|altname/i;

/**
 * The failure of a session of ours. `about` says what was being done. What is not recognised is `otherwise`. A server's message is passed on
 * without the values that it quotes.
 */
export function fromServerError(error: unknown, about: string, otherwise: ErrorCode = 'internal'): HoldfastError {
  if (error instanceof HoldfastError) return error;
  if (!isServerError(error)) {
    const text = error instanceof Error ? error.message : String(error);
    return new HoldfastError(otherwise, `${about}: ${text}`, { cause: error });
  }
  const { code, message } = error;
  if (code === 'ServiceUnavailable' || code === 'SessionExpired') {
    if (untrusted.test(message))
      return new HoldfastError('auth-failed', `${about}: the server's certificate is not trusted`, {
        cause: error,
        hint: 'does sslrootcert name the authority that signed it, and is the host name the one in the certificate?',
      });
    const isNew = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|Could not perform discovery|establish/i.test(
      message,
    );
    const reason = reasonOf(message);
    return isNew
      ? new HoldfastError('source-unreachable', `${about}: ${reason ?? 'no answer'}`, {
          cause: error,
          ...(reason === undefined && {
            hint: "is the server running, and may this network reach it? If it has no TLS: tls 'disable' connects without",
          }),
        })
      : new HoldfastError('source-interrupted', `${about}: the connection was lost`, { cause: error });
  }
  const known = serverCodes.find(([pattern]) => pattern.test(code))?.[1];
  return new HoldfastError(known ?? otherwise, `${about}: ${withoutValues(message)} (${code})`, { cause: error });
}

/** The error that leaves the engine: what came from a server is translated, anything else is none of ours and stays as it is. */
export function translated(error: unknown, about: string, otherwise: ErrorCode = 'internal'): unknown {
  return isServerError(error) ? fromServerError(error, about, otherwise) : error;
}

/** Is that an answer of the server, or of the driver about its connection? */
export const isServerError = (error: unknown): error is Neo4jError => error instanceof Neo4jError;

/** Did a constraint refuse what was to be written? */
export const isConstraintViolation = (error: unknown): boolean =>
  isServerError(error) && error.code === 'Neo.ClientError.Schema.ConstraintValidationFailed';

/** Could a constraint not be made, because of what the database holds? */
export const isNotMade = (error: unknown): boolean =>
  isServerError(error) && /\.Schema\.Constraint(CreationFailed|ValidationFailed|Violation)/.test(error.code);

/** Is that a command of another edition? */
export const isUnsupported = (error: unknown): boolean =>
  isServerError(error) &&
  /Unsupported|FeatureDisabled|NotSystemDatabaseError|requires Neo4j Enterprise/.test(`${error.code} ${error.message}`);

/**
 * Why a user's statement was not answered, with nothing of the data: what the server says of a statement names the statement's own parts, but
 * what it says of values may quote them. Rethrows what is no answer of the server.
 */
export function statementRefusal(error: unknown, timeoutSeconds: number): string {
  if (!isServerError(error) || error.code === 'ServiceUnavailable') throw error;
  if (/Transaction(TimedOut|\.Terminated)/.test(error.code)) return `gave no answer within ${timeoutSeconds} seconds`;
  const isOfStatement = /SyntaxError|AccessMode|ParameterMissing|Forbidden/.test(error.code);
  return `could not be asked: ${isOfStatement ? withoutValues(error.message) : `'${error.code}'`}`;
}

/** The first line, cut: the others show the statement, and a statement of ours may hold values. */
const withoutValues = (message: string): string =>
  (message.split('\n', 1)[0] ?? '').replaceAll(/ = (?:'[^']*'|\S+)/g, " = '…'").slice(0, 300);

function reasonOf(message: string): string | undefined {
  if (/ECONNREFUSED/.test(message)) return 'nothing listens there';
  if (/ENOTFOUND|EAI_AGAIN/.test(message)) return 'the host name is not known';
  return undefined;
}
