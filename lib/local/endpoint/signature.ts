import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AwsError } from '../aws-error.ts';
import type { Caller, Identities } from '../identities.ts';

/** The parts of a request that a signature covers. */
export type SignedRequest = {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Undefined for S3, where a header says the body's hash, or that it is not signed. */
  readonly body: Buffer | undefined;
};

const maximumSkewMs = 5 * 60 * 1000;

/**
 * Who signed the request (Signature Version 4, in the header), and for which service. Throws the errors of AWS:
 * `MissingAuthenticationToken`, `UnrecognizedClientException`, `InvalidSignatureException`.
 */
export function verifySignature(request: SignedRequest, identities: Identities): { caller: Caller; service: string } {
  const authorization =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  if (authorization === null) throw new AwsError('MissingAuthenticationToken', 'the request is not signed', 403);
  const [, accessKeyId = '', date = '', region = '', service = '', signedHeaders = '', signature = ''] = authorization;
  const identity = identities.find(accessKeyId);
  if (identity === undefined)
    throw new AwsError('UnrecognizedClientException', 'the credentials are not of this start of the stack', 403);
  const time = String(request.headers['x-amz-date'] ?? '');
  const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(Date.now() - at) < maximumSkewMs))
    throw new AwsError('InvalidSignatureException', 'the signature is too old or too new', 403);
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest(request, signedHeaders))].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce<Buffer>(
    (parent, part) => hmac(parent, part),
    Buffer.from(`AWS4${identity.secretAccessKey}`),
  );
  if (!timingSafeEqual(hmac(key, text), Buffer.from(signature, 'hex')))
    throw new AwsError('InvalidSignatureException', 'the signature does not match the request', 403);
  return { caller: identity.caller, service };
}

function canonicalRequest({ method, url, headers, body }: SignedRequest, signedHeaders: string): string {
  const { pathname, searchParams } = new URL(url, 'http://local');
  const query = [...searchParams]
    .map(([name, value]) => `${uriEscape(name)}=${uriEscape(value)}`)
    .sort()
    .join('&');
  const isS3 = body === undefined;
  const lines = signedHeaders.split(';').map((name) => `${name}:${String(headers[name] ?? '').trim()}\n`);
  // Every service but S3 signs the path with its escapes escaped once more.
  const path = isS3 ? pathname : pathname.split('/').map(uriEscape).join('/');
  const hash = isS3 ? String(headers['x-amz-content-sha256'] ?? '') : sha256(body);
  return [method, path, query, lines.join(''), signedHeaders, hash].join('\n');
}

function uriEscape(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
