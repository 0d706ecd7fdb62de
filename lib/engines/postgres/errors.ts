import { DatabaseError } from 'pg';
import type { ErrorCode } from '../../core/error-table.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { ChildEnd } from '../../runner/child.ts';

/** Translates what a server or a client tool says into the error table. No other file matches codes or texts of PostgreSQL. */

const sqlStates: Readonly<Record<string, ErrorCode>> = {
  '28P01': 'auth-failed',
  '28000': 'auth-failed',
  '3D000': 'database-missing',
  '42501': 'privilege-missing',
  '55P03': 'source-busy',
  '57014': 'source-busy',
  '40001': 'source-busy',
  '40P01': 'source-busy',
  '53300': 'source-busy',
  '55006': 'source-busy',
  '57P01': 'source-interrupted',
  '57P02': 'source-interrupted',
  '57P03': 'source-unreachable',
  '08006': 'source-interrupted',
  '08003': 'source-interrupted',
  '53100': 'disk-full',
};

const unreachableCodes = new Set([
  'ECONNREFUSED',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EACCES',
]);

const untrustedCodes = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
]);

/**
 * The failure of a session of ours. `about` says what was being done or reached, e.g. `database 'orders' at 'db:5432'`. What is not
 * recognised is `otherwise`.
 */
export function fromServerError(error: unknown, about: string, otherwise: ErrorCode = 'internal'): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof DatabaseError) {
    const known = code === undefined ? undefined : (sqlStates[code] ?? stateClass(code));
    return new HoldfastError(known ?? otherwise, `${about}: ${withoutValues(text)}`, { cause: error });
  }
  if (code !== undefined && untrustedCodes.has(code))
    return new HoldfastError('auth-failed', `${about}: the server's certificate is not trusted (${code})`, {
      cause: error,
      hint: 'does sslrootcert name the authority that signed it, and is the host name the one in the certificate?',
    });
  if (code !== undefined && unreachableCodes.has(code) && !isOfFile(error))
    return new HoldfastError('source-unreachable', `${about}: ${reason(code)}`, { cause: error });
  if (/client password must be/.test(text))
    return new HoldfastError('auth-failed', `${about}: the server asks for a password, and there is none`, {
      cause: error,
    });
  if (/timeout expired|due to connection timeout/.test(text))
    return new HoldfastError('source-unreachable', `${about}: no answer in time`, { cause: error });
  if (
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    /connection terminated|not queryable|connection was closed|query read timeout/i.test(text)
  )
    return new HoldfastError('source-interrupted', `${about}: the connection was lost`, { cause: error });
  return new HoldfastError(otherwise, `${about}: ${withoutValues(text)}`, { cause: error });
}

/** What is said of a session of the replication protocol and its commands, most telling first. Since version 17 settings are in quotes. */
const replicationTexts: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [
    /no pg_hba\.conf entry for replication/,
    'auth-failed',
    "add a line 'host replication <user> <this address> scram-sha-256' to the server's pg_hba.conf, and reload it",
  ],
  [
    /permission denied to start WAL sender|must be superuser or replication role|permission denied to use replication slots/,
    'privilege-missing',
    "say 'alter role <user> replication' on the server (docs/engines/postgres-physical.md)",
  ],
  [
    /number of requested standby connections exceeds "?max_wal_senders"?/,
    'source-busy',
    'raise max_wal_senders, which takes a restart of the server, or end another receiver of its WAL',
  ],
  [
    /all replication slots are in use/,
    'source-busy',
    'raise max_replication_slots, which takes a restart of the server, or drop a slot that nobody uses',
  ],
  [
    /replication slots can only be used if/,
    'preflight-failed',
    "set wal_level to 'replica' and max_replication_slots above 0, and restart the server",
  ],
  [
    /the standby was promoted during online backup/,
    'source-interrupted',
    'the standby became a primary while it was read, and what was read does not fit together; the next run begins afresh',
  ],
  [
    /"?full_page_writes=off"? was replayed/,
    'dump-failed',
    "set full_page_writes to 'on' on the primary: without it a backup from a standby may hold torn pages",
  ],
  [
    /requested WAL segment \S+ has already been removed|could not find any WAL files|could not find WAL file/,
    'dump-failed',
    'the server threw away WAL that the backup needs: raise max_slot_wal_keep_size and wal_keep_size',
  ],
  [
    /^WAL summaries are required on timeline/,
    'parent-unfit',
    "the server's WAL summaries do not reach back to the backup that this one builds on: take a base backup, and backups more often than wal_summary_keep_time",
  ],
  [
    /cannot be taken unless WAL summarization is enabled/,
    'preflight-failed',
    "set summarize_wal to 'on' and reload the server; then take a base backup",
  ],
  [
    /manifest requires WAL from final timeline/,
    'source-busy',
    'the standby has replayed nothing since the backup that this one builds on: the next run finds something',
  ],
  [
    /system identifier in backup manifest is|timeline \d+ found in manifest|manifest requires WAL from initial timeline|manifest contains no required WAL ranges/,
    'parent-unfit',
    'the server has another history than when the backup was taken that this one builds on: take a base backup',
  ],
];

/** The failure of a base backup, or of the session on which it runs. */
export function fromBaseBackup(error: unknown, about: string): HoldfastError {
  const said = error instanceof HoldfastError ? (error.cause ?? error) : error;
  const text = said instanceof Error ? said.message : '';
  const known = said instanceof DatabaseError && replicationTexts.find(([pattern]) => pattern.test(text));
  if (!known) return fromServerError(error, about, 'dump-failed');
  const [, code, hint] = known;
  return new HoldfastError(code, `${about}: ${withoutValues(text)}`, { cause: said, hint });
}

/** The page that a warning of the server's own check names, as a file of the cluster. */
export function damagedPageIn(warning: string): { readonly file: string; readonly block: number } | undefined {
  const [, file, block] = /checksum verification failed in file "(?:\.\/)?([^"]+)", block (\d+)/.exec(warning) ?? [];
  return file === undefined || block === undefined ? undefined : { file, block: Number(block) };
}

/** How many pages the server's check found, which names no more than a few of each file. */
export function damagedPagesIn(warning: string): number | undefined {
  const [, count] = /^(\d+) total checksum verification failures/.exec(warning) ?? [];
  return count === undefined ? undefined : Number(count);
}

/** Does a backup end so only because of damaged pages, which it has all the same? */
export const isDamageReport = (error: unknown): boolean => error instanceof DatabaseError && error.code === 'XX001';

/** The error that leaves the engine: what came from a server is translated, anything else is none of ours and stays as it is. */
export function translated(error: unknown, about: string): unknown {
  const failure = fromServerError(error, about);
  return failure.code === 'internal' && !(error instanceof DatabaseError) ? error : failure;
}

/** Whether the server has said that it no longer has the WAL that it was asked for: removed, or given up together with its slot. */
export function isWalRemoved(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false;
  return (
    (error.code === '58P01' && /requested WAL segment .* has already been removed/.test(error.message)) ||
    (error.code === '55000' && /can no longer (get changes from|access) replication slot/.test(error.message))
  );
}

/** Whether a check that raises an error for what it finds has found something; false when the server or its session ended. */
export function isFinding(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && !error.code?.startsWith('57');
}

/**
 * Why a user's statement was not answered, with nothing of the data: what the server says of a statement names the statement's own parts,
 * but what it says of values may quote them. Rethrows what is no answer of the server.
 */
export function statementRefusal(error: unknown, timeoutSeconds: number): string {
  if (!(error instanceof DatabaseError)) throw error;
  const { code = '', message } = error;
  if (code === '57014') return `gave no answer within ${timeoutSeconds} seconds`;
  const isOfStatement = ['42', '25', '3F'].some((of) => code.startsWith(of));
  return `could not be asked: ${isOfStatement ? message : `SQLSTATE '${code}'`}`;
}

/** A file of this machine that is missing says nothing of a server; a socket that is, does. */
const isOfFile = (error: unknown): boolean => {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return (code === 'ENOENT' || code === 'EACCES') && syscall !== 'connect';
};

function codeOf(error: unknown): string | undefined {
  // A host name with several addresses gives an AggregateError whose own code is that of the first.
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

function stateClass(code: string): ErrorCode | undefined {
  if (code.startsWith('08')) return 'source-interrupted';
  return undefined;
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ETIMEDOUT: 'no answer in time',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  ENOENT: 'there is no such socket',
  EACCES: 'the socket may not be opened',
};
const reason = (code: string) => `${reasons[code] ?? 'no route to it'} (${code})`;

/** Texts of the client tools in the C locale, most telling first. Quoted names are blanked before, so no name can imitate one. */
const toolTexts: readonly (readonly [RegExp, ErrorCode])[] = [
  // Of psql older than the pg_dump that wrote a script: minor versions since August 2025 know the command.
  [/server version mismatch|invalid command \\restrict/, 'version-mismatch'],
  [
    /password authentication failed|no password supplied|authentication failed for user|no pg_hba\.conf entry/,
    'auth-failed',
  ],
  [/FATAL: {2}role "" (does not exist|is not permitted to log in)/, 'auth-failed'],
  [/FATAL: {2}database "" does not exist/, 'database-missing'],
  [/remaining connection slots|too many (clients|connections)/, 'source-busy'],
  [/No space left on device/, 'disk-full'],
  [
    /the database system is (shutting down|starting up|in recovery)|terminating connection|server closed the connection|connection to server was lost|no connection to the server|SSL connection has been closed|could not (receive data from|send data to) (server|client)/,
    'source-interrupted',
  ],
  [
    /canceling statement due to (lock timeout|statement timeout|conflict with recovery|user request)|could not obtain lock|deadlock detected/,
    'source-busy',
  ],
  [/permission denied|must be (owner|superuser|able to)|affected by row-level security policy/, 'privilege-missing'],
  [
    /connection to server .* failed|could not connect to database|could not translate host name|Connection refused|Connection timed out|timeout expired/,
    'source-unreachable',
  ],
  [
    /invalid snapshot identifier|could not import the requested snapshot|source process .* is not running/,
    'source-interrupted',
  ],
];

/** The failure that a client tool's exit and last words mean; `otherwise` when they say nothing we know. */
export function fromTool(failure: {
  readonly tool: string;
  /** What it was doing, e.g. `the dump of 'orders'`. */
  readonly doing: string;
  readonly end: ChildEnd;
  readonly stderr: string;
  readonly otherwise: ErrorCode;
}): HoldfastError {
  const text = failure.stderr.replaceAll(/"[^"]*"/g, '""');
  const code = toolTexts.find(([pattern]) => pattern.test(text))?.[1] ?? failure.otherwise;
  const { end } = failure;
  const how = end.signal === null ? `with exit code ${end.code}` : `by ${end.signal}`;
  const said = lastWords(failure.stderr);
  return new HoldfastError(code, `${failure.doing} failed: ${failure.tool} ended ${how}${said && `: ${said}`}`);
}

/** The lines of a tool that name the error, on one line and without row data: DETAIL, CONTEXT and failed commands may hold some. */
export function lastWords(stderr: string): string {
  const lines = stderr
    .split('\n')
    .filter((line) => /error: |ERROR: |FATAL: |^pg_\w+: detail: Error message/.test(line));
  const words = lines.slice(0, 4).map((line) => withoutValues(line.replace(/^pg_\w+: (error|detail): /, '').trim()));
  return words.join('; ').slice(0, 600);
}

/** Server messages put a rejected value last, after a colon: `invalid input syntax for type integer: "…"`. It may have several lines. */
function withoutValues(message: string): string {
  return message.replaceAll(/: "[\s\S]*"(?=\s|$)|: "[^"]*$/g, ": '…'").replaceAll(/=\([\s\S]*?\)/g, '=(…)');
}
