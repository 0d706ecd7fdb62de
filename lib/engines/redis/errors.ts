import type { ErrorCode } from '../../core/error-table.ts';
import { HoldfastError } from '../../core/errors.ts';

/** What a server answers with instead of a reply. `kind` is its first word: `ERR`, `NOPERM`, `BUSYKEY` … */
export class Refusal extends Error {
  readonly kind: string;

  constructor(message: string) {
    super(message);
    this.name = 'Refusal';
    this.kind = message.split(' ', 1)[0] ?? '';
  }
}

const kinds: Readonly<Record<string, ErrorCode>> = {
  NOAUTH: 'auth-failed',
  WRONGPASS: 'auth-failed',
  DENIED: 'auth-failed',
  NOPERM: 'privilege-missing',
  LOADING: 'source-busy',
  BUSY: 'source-busy',
  MASTERDOWN: 'source-busy',
  NOMASTERLINK: 'source-busy',
  TRYAGAIN: 'source-busy',
  CLUSTERDOWN: 'source-unreachable',
  READONLY: 'preflight-failed',
  OOM: 'preflight-failed',
  MISCONF: 'preflight-failed',
  NOREPLICAS: 'preflight-failed',
};

/** The failure that a refusal means, without the arguments that some refusals quote. */
export function fromRefusal(refusal: Refusal, about: string, otherwise: ErrorCode = 'internal'): HoldfastError {
  const { kind, message } = refusal;
  const code = /invalid password|without any password|max number of clients/i.test(message)
    ? /clients/.test(message)
      ? 'source-busy'
      : 'auth-failed'
    : (kinds[kind] ?? otherwise);
  return new HoldfastError(code, `${about}: ${withoutArguments(message)}`, { cause: refusal });
}

const withoutArguments = (message: string): string =>
  message.replace(/,? with args beginning with:[\s\S]*/, '').slice(0, 300);

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ETIMEDOUT: 'no answer in time',
  ABORT_ERR: 'no answer in time',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ENOENT: 'there is no such socket',
};

/** The failure of a connection that came to nothing, or ended. */
export function fromSocketError(error: unknown, about: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  const reason = reasons[code];
  if (reason) return new HoldfastError('source-unreachable', `${about}: ${reason} (${code})`, { cause: error });
  if (/CERT|ALTNAME|SELF_SIGNED|UNABLE_TO/.test(code))
    return new HoldfastError('auth-failed', `${about}: the server's certificate is not trusted (${code})`, {
      cause: error,
      hint: 'does sslrootcert name the authority that signed it, and is the host name the one in the certificate?',
    });
  if (/^ERR_SSL|EPROTO/.test(code))
    return new HoldfastError('source-unreachable', `${about}: it does not speak TLS (${code})`, {
      cause: error,
      hint: "sslmode 'disable' connects without",
    });
  return new HoldfastError('source-interrupted', `${about}: the connection was lost`, { cause: error });
}

/** The failure of a server that says nothing any more. */
export const silent = (about: string, seconds: number): HoldfastError =>
  new HoldfastError('source-interrupted', `${about}: it has said nothing for ${seconds} seconds`);

/** The error that leaves the engine: what came from a server is translated, anything else is none of ours and stays as it is. */
export function translated(error: unknown, about: string): unknown {
  return error instanceof Refusal ? fromRefusal(error, about) : error;
}
