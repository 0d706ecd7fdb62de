import type { ErrorCode } from '../core/error-table.ts';
import { HoldfastError } from '../core/errors.ts';

/** The server's or SDK's name of an error, and what it means to us. `hint` is given where the code's own would not help. */
type Row = { readonly code: ErrorCode; readonly hint?: string };

const denied = (hint?: string): Row => ({ code: 'store-denied', ...(hint === undefined ? {} : { hint }) });
const wrongKeys = denied("are the store's access key and secret the current ones, and meant for this server?");
const expired = denied('the credentials have expired: renew them (aws sso login, or the role session), then run again');
const refusedHead = denied(
  "the server gives no reason: if the credentials have expired, renew them (aws sso login, or the role session); is store.region the bucket's?",
);
const wrongRegion: Row = { code: 'config-invalid', hint: 'is store.region the region in which the bucket lives?' };
const unavailable: Row = { code: 'store-unavailable' };

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what other servers and the SDK itself add. */
const byName: Readonly<Record<string, Row>> = {
  NoSuchBucket: { code: 'config-invalid', hint: 'does the bucket that store.bucket names exist, in store.region?' },
  InvalidBucketName: { code: 'config-invalid', hint: 'is store.bucket the name of a bucket?' },
  PermanentRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
  NotImplemented: { code: 'config-invalid', hint: "this server lacks what Holdfast needs: see 'holdfast doctor'" },

  NoSuchKey: { code: 'object-missing' },
  NoSuchVersion: { code: 'object-missing' },
  NotFound: { code: 'object-missing' },

  PreconditionFailed: { code: 'already-exists' },
  ConditionalRequestConflict: { code: 'already-exists' },

  AccessDenied: denied(),
  InvalidAccessKeyId: wrongKeys,
  SignatureDoesNotMatch: wrongKeys,
  InvalidToken: wrongKeys,
  XAdminUserNotFound: wrongKeys,
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  TokenRefreshRequired: expired,
  CredentialsProviderError: denied('no credentials were found: set AWS_PROFILE, or run where a role gives them'),
  RequestTimeTooSkewed: denied("is this machine's clock right? S3 refuses requests that are 15 minutes off"),
  KMSDisabledException: { code: 'key-missing' },

  InternalError: unavailable,
  ServiceUnavailable: unavailable,
  SlowDown: unavailable,
  RequestTimeout: unavailable,
  TimeoutError: unavailable,
  NoSuchUpload: unavailable,
  BadDigest: {
    code: 'store-unavailable',
    hint: 'bytes were altered on their way: is a proxy or network card at fault?',
  },
  QuotaExceeded: { code: 'disk-full' },
  XMinioStorageFull: { code: 'disk-full' },
};

const synonyms: Readonly<Record<string, string>> = {
  XAmzContentChecksumMismatch: 'BadDigest',
  XAmzContentSHA256Mismatch: 'BadDigest',
  InvalidDigest: 'BadDigest',
};

/** The error for a failed attempt to do `what` (a phrase such as `write 'a/b'`) in the store at `url`. */
export function s3Error(error: unknown, what: string, url: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const { name, status, isFromServer } = describe(error);
  const row = byName[name] ?? (isWithoutReason(name, status, 400) ? refusedHead : byStatus(status, isFromServer));
  // The server's own message may hold keys and ids but no data; an SDK bug's message says where to look.
  const detail = row.code === 'internal' && error instanceof Error ? `${name}: ${error.message}` : name;
  const answer = status === undefined ? detail : `${detail}, status ${status}`;
  return new HoldfastError(row.code, `cannot ${what} in '${url}': ${answer}`, {
    cause: error,
    ...(row.hint === undefined ? {} : { hint: row.hint }),
  });
}

/** Whether the server found that a body is not what was sent: sending it again is right, and the SDK does not. */
export function isAlteredOnItsWay(error: unknown): boolean {
  return describe(error).name === 'BadDigest';
}

/** Whether the server takes no part of this number: S3 allows 10,000, some servers 1,000, and they say so in their own ways. */
export function isTooManyParts(error: unknown, partNumber: number): boolean {
  const { name, status } = describe(error);
  return (
    name === 'TooManyParts' || (partNumber > 1000 && status === 400 && /^Invalid(Argument|Part|PartNumber)$/.test(name))
  );
}

/** Whether the time in the signature was wrong, or may have been: the answer to a HEAD has no body, and so no reason. */
export function mayBeSkewed(error: unknown): boolean {
  const { name, status } = describe(error);
  return name === 'RequestTimeTooSkewed' || isWithoutReason(name, status, 403);
}

/** Whether an answer is nothing but that status, which the SDK has no name for or calls by the number. */
function isWithoutReason(name: string, status: number | undefined, refusal: 400 | 403): boolean {
  return status === refusal && (name.startsWith('Unknown') || name === String(refusal));
}

/** Whether the credentials were right and have run out, or may have (see `mayBeSkewed`): newer ones may be had. */
export function mayBeExpired(error: unknown): boolean {
  const { name, status } = describe(error);
  return byName[name] === expired || isWithoutReason(name, status, 400);
}

/** Whether a concurrent request kept the server from judging the condition: the same request may succeed in a moment. */
export function isConflict(error: unknown): boolean {
  const { name, status } = describe(error);
  return status === 409 && name === 'ConditionalRequestConflict';
}

/** Whether the range asked for lies beyond the object's end. */
export function isBeyondEnd(error: unknown): boolean {
  return describe(error).status === 416;
}

function byStatus(status: number | undefined, isFromServer: boolean): Row {
  if (!isFromServer) return { code: 'internal' };
  // Without an answer it was the network: refused, reset, unresolved, timed out.
  if (status === undefined || status === 429 || status >= 500) return unavailable;
  if (status === 401 || status === 403) return denied();
  // An object that is missing has a name of its own: this is a server that does not know what it is asked.
  if (status === 404) return { code: 'config-invalid', hint: 'is store.endpoint the address of an S3 server?' };
  if (status === 409 || status === 412) return { code: 'already-exists' };
  if (status === 301 || status === 307) return wrongRegion;
  return { code: 'internal' };
}

function describe(error: unknown): { name: string; status: number | undefined; isFromServer: boolean } {
  if (!(error instanceof Error)) return { name: String(error), status: undefined, isFromServer: false };
  const { code, $metadata } = error as Error & { code?: unknown; $metadata?: { httpStatusCode?: number } };
  const isNetwork = typeof code === 'string' && /^(E[A-Z_]+|ERR_STREAM_PREMATURE_CLOSE)$/.test(code);
  const name = isNetwork ? code : error.name;
  const status = $metadata?.httpStatusCode;
  return {
    name: synonyms[name] ?? name,
    status,
    isFromServer: isNetwork || status !== undefined || name === 'TimeoutError',
  };
}
