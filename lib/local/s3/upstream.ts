import { S3Client } from '@aws-sdk/client-s3';
import { SignatureV4 } from '@smithy/signature-v4';
import type { HoldfastConfig } from '../../config/config.ts';
import { AwsError } from '../aws-error.ts';

export type Unsigned = {
  readonly method: string;
  /** `/bucket/key?query`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
};

export type Signed = { readonly url: URL; readonly headers: Readonly<Record<string, string>> };

/** Addresses a request to the real server and signs it. */
export type SignRequest = (request: Unsigned) => Promise<Signed>;

/**
 * What signs requests for the store's own server, with the credentials that the AWS SDK finds on this machine, renewed as it renews them. The
 * body is not looked at: the header that says its hash, or that it is not signed, is signed as it came.
 */
export async function upstreamSigner(
  store: Extract<HoldfastConfig['store'], { kind: 's3' }>,
  stackRegion: string,
): Promise<SignRequest> {
  const region = store.region ?? stackRegion;
  const { config } = new S3Client({
    region,
    ...(store.endpoint === undefined ? {} : { endpoint: store.endpoint }),
    forcePathStyle: store.forcePathStyle,
  });
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials: async () => {
      try {
        return await config.credentials();
      } catch {
        throw new AwsError('CredentialsProviderError', 'this machine has no credentials for the bucket', 403);
      }
    },
    sha256: config.sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  return async ({ method, url, headers }) => {
    const [path = '/', search = ''] = url.split('?');
    const [, bucket = '', ...key] = path.split('/');
    const { url: base } = config.endpointProvider({
      Bucket: decodeURIComponent(bucket),
      Region: region,
      ForcePathStyle: store.forcePathStyle,
      ...(store.endpoint === undefined ? {} : { Endpoint: store.endpoint }),
    });
    const target = new URL(base);
    const prefix = target.pathname === '/' ? '' : target.pathname;
    const pathname = `${prefix}/${key.join('/')}`;
    const { headers: signed } = await signer.sign({
      method,
      protocol: target.protocol,
      hostname: target.hostname,
      ...(target.port === '' ? {} : { port: Number(target.port) }),
      path: key.length === 0 ? prefix || '/' : pathname,
      query: Object.fromEntries(new URLSearchParams(search)),
      headers: { ...headers, host: target.host },
    });
    const whole = `${key.length === 0 ? prefix || '/' : pathname}${search === '' ? '' : `?${search}`}`;
    return { url: new URL(whole, target), headers: signed };
  };
}
