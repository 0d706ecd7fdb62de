import { randomBytes } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HeadObjectCommand, type HeadObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import type { HoldfastError } from '../core/errors.ts';
import { cancellation } from './cancellation.ts';
import { mayBeExpired, mayBeSkewed, s3Error } from './s3-errors.ts';
import type { ObjectInfo } from './store.ts';

export type S3Settings = {
  readonly bucket: string;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  /** Keys get this and a `/` before them, so that one bucket can hold several stores. */
  readonly prefix?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  /** Left out, the SDK's own chain finds them: environment, profile, SSO, container or instance role. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
};

/** How long to wait, how often to try, what to sign. The defaults suit S3 over any line; tests shorten them. */
export type S3Tuning = {
  /** For one request with all of its body. @default 900 */
  readonly requestTimeoutSeconds?: number;
  /** Without a byte in either direction. @default 120 */
  readonly idleTimeoutSeconds?: number;
  /** Without a byte of a body that is being read. @default 30 */
  readonly stallSeconds?: number;
  /** For one request, the first included. @default 8, which lets one in 400,000 fail when one in five is answered with 503 */
  readonly maxAttempts?: number;
  /**
   * Whether the bytes of bodies are signed too. Over TLS they need no second protection, and it costs 0.8 CPU seconds a GiB;
   * their CRC-32 is signed in any case.
   * @default only when the endpoint is plain http
   */
  readonly signPayload?: boolean;
};

/** Where a write's own nonce is kept, so that a lost reply can be told from somebody else's object. */
export const writeIdKey = 'holdfast-write';

/** A client for one bucket and prefix, and how keys and errors look there. */
export class S3Connection {
  readonly url: string;
  readonly bucket: string;
  readonly client: S3Client;
  readonly stallSeconds: number;
  readonly #prefix: string;

  constructor(settings: S3Settings, tuning: S3Tuning = {}) {
    const { requestTimeoutSeconds = 900, idleTimeoutSeconds = 120, stallSeconds = 30, maxAttempts = 8 } = tuning;
    const prefix = (settings.prefix ?? '').replaceAll(/^\/+|\/+$/g, '');
    this.bucket = settings.bucket;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.url = `s3://${settings.bucket}${prefix === '' ? '' : `/${prefix}`}`;
    this.stallSeconds = stallSeconds;
    this.client = new S3Client({
      ...(settings.region === undefined ? {} : { region: settings.region }),
      ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
      ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
      forcePathStyle: settings.forcePathStyle ?? false,
      // `adaptive` would slow all parts down after each 503; `standard` only delays the one, with jitter up to 20 s.
      retryMode: 'standard',
      maxAttempts,
      // Checksums of bodies are computed here with zlib's CRC-32: 3.5 GiB/s, against 0.3 of the SDK's CRC-32C and CRC-64.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      // What is read is checked against the manifest's SHA-256; a stored checksum could not cover a range anyway.
      responseChecksumValidation: 'WHEN_REQUIRED',
      // S3 refuses chunks of less than 8 KiB, should a body ever be a stream.
      requestStreamBufferSize: 64 * 1024,
      requestHandler: {
        connectionTimeout: 10_000,
        requestTimeout: requestTimeoutSeconds * 1000,
        throwOnRequestTimeout: true,
        socketTimeout: idleTimeoutSeconds * 1000,
        httpAgent: new HttpAgent({ keepAlive: true, maxSockets: 128 }),
        httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: 128 }),
      },
    });
    this.#renewExpiredCredentials();
    this.#signAgainByTheRightClock();
    if (!(tuning.signPayload ?? settings.endpoint?.startsWith('http:') ?? false)) this.#leavePayloadsUnsigned();
  }

  /** Which object of the bucket `key` is, as the fields that every request needs. */
  place(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.bucket, Key: this.pathOf(key) };
  }

  pathOf(key: string): string {
    return this.#prefix + key;
  }

  keyOf(path: string): string {
    return path.slice(this.#prefix.length);
  }

  /** The object's head, or undefined when there is none. */
  async head(key: string, signal?: AbortSignal): Promise<HeadObjectCommandOutput | undefined> {
    try {
      return await this.client.send(new HeadObjectCommand(this.place(key)), abortable(signal));
    } catch (error) {
      const mapped = this.error(error, `look at '${key}'`, signal);
      if (mapped.code === 'object-missing') return undefined;
      throw mapped;
    }
  }

  /** What `work` gives; its failure as the error of an attempt to do `what`. */
  async attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.error(error, what);
    }
  }

  /**
   * The SDK renews credentials five minutes before they run out, by this machine's clock. Where that was too late (a clock that is off, a request
   * that waited long), they are renewed at once and the request is sent again; if they are the same, the answer is too.
   */
  #renewExpiredCredentials(): void {
    this.#sendAgain('renewExpiredCredentials', mayBeExpired, () =>
      this.client.config.credentials({ forceRefresh: true }),
    );
  }

  /**
   * The SDK corrects its clock by what a server answers, and sends the request again only where the correction is of four minutes or more. A clock
   * that was an hour off and is set right is a correction to nothing: the next signature is good, and this one was not.
   */
  #signAgainByTheRightClock(): void {
    this.#sendAgain('signAgainByTheRightClock', mayBeSkewed);
  }

  /** Sends a request once more, after `prepare`, when it fails in a way that `isWorthIt`. */
  #sendAgain(name: string, isWorthIt: (error: unknown) => boolean, prepare?: () => Promise<unknown>): void {
    this.client.middlewareStack.add(
      (next) => async (args) => {
        try {
          return await next(args);
        } catch (error) {
          if (!isWorthIt(error)) throw error;
          await prepare?.();
          return await next(args);
        }
      },
      { step: 'initialize', name },
    );
  }

  #leavePayloadsUnsigned(): void {
    this.client.middlewareStack.add(
      (next) => async (args) => {
        const request = args.request as { headers: Record<string, string>; body?: unknown };
        if (request.body instanceof Uint8Array) request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
        return await next(args);
      },
      { step: 'build', name: 'leavePayloadsUnsigned' },
    );
  }

  error(error: unknown, what: string, signal?: AbortSignal): HoldfastError {
    return signal?.aborted ? cancellation(signal) : s3Error(error, what, this.url);
  }
}

export function infoOfHead(key: string, head: HeadObjectCommandOutput): ObjectInfo {
  return {
    key,
    sizeBytes: head.ContentLength ?? 0,
    etag: head.ETag ?? '',
    modifiedAt: head.LastModified ?? new Date(0),
  };
}

/** The options of `send` that carry a signal. */
export function abortable(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

export function newWriteId(): string {
  return randomBytes(12).toString('hex');
}
