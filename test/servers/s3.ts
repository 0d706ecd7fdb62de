import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync } from 'node:fs';
import { get } from 'node:https';
import path from 'node:path';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { childServer } from '../../lib/servers/child-server.ts';
import { ensureMinio } from '../../scripts/servers/minio.ts';
import { ensureVersitygw } from '../../scripts/servers/versitygw.ts';
import { ownServer } from './own-server.ts';
import { localhostCertificate } from './speak-tls.ts';

/** A real S3 server of a test, on 127.0.0.1. Address its buckets by path. */
export type S3Server = AsyncDisposable & {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** Makes an empty bucket with a name of its own. An object lock brings versioning with it, as on S3. */
  newBucket(options?: { readonly versioning?: boolean; readonly objectLock?: boolean }): Promise<string>;
  /** Stops it; its objects stay. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** SIGKILL: a crash. */
  kill(): Promise<void>;
};

type Launch = {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly isReady: () => Promise<boolean>;
};

const accessKeyId = 'holdfast';
const secretAccessKey = 'holdfast-test-secret';
const region = 'us-east-1';

/**
 * MinIO with a key service of its own (SSE-KMS works), and the data in a folder that goes with the server. With `tls` it has the certificate of
 * `speakTls`, which no authority has signed.
 */
export async function minioServer({ tls = false }: { readonly tls?: boolean } = {}): Promise<S3Server> {
  const program = await ensureMinio((line) => console.error(line));
  return s3Server('minio', { tls }, (port, folder) => ({
    program,
    args: [
      ...['server', '--quiet', '--address', `127.0.0.1:${port}`],
      ...(tls ? ['--certs-dir', certificatesIn(folder)] : []),
      path.join(folder, 'data'),
    ],
    env: {
      MINIO_ROOT_USER: accessKeyId,
      MINIO_ROOT_PASSWORD: secretAccessKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
      MINIO_KMS_SECRET_KEY: `key:${Buffer.alloc(32, 7).toString('base64')}`,
      HOME: folder,
    },
    isReady: () =>
      tls
        ? answersWithTls(`https://localhost:${port}/minio/health/cluster`)
        : answers(`http://127.0.0.1:${port}/minio/health/cluster`, 200),
  }));
}

/** versitygw over a folder, with versions. */
export async function versitygwServer(): Promise<S3Server> {
  const program = await ensureVersitygw((line) => console.error(line));
  return s3Server('versitygw', {}, (port, folder) => ({
    program,
    args: [
      ...['--access', accessKeyId, '--secret', secretAccessKey, '--region', region],
      ...['--port', `127.0.0.1:${port}`, '--quiet'],
      ...['posix', '--versioning-dir', path.join(folder, 'versions'), path.join(folder, 'data')],
    ],
    env: { HOME: folder },
    isReady: () => answers(`http://127.0.0.1:${port}/`),
  }));
}

function certificatesIn(folder: string): string {
  const certificates = path.join(folder, 'certificates');
  mkdirSync(certificates, { recursive: true });
  const fixtures = path.join(import.meta.dirname, 'fixtures');
  copyFileSync(path.join(fixtures, 'localhost.crt'), path.join(certificates, 'public.crt'));
  copyFileSync(path.join(fixtures, 'localhost.key'), path.join(certificates, 'private.key'));
  return certificates;
}

async function s3Server(
  name: string,
  { tls = false }: { readonly tls?: boolean },
  launch: (port: number, folder: string) => Launch,
): Promise<S3Server> {
  const started = await ownServer({
    name,
    signal: 'KILL',
    prepare: ({ folder, port, watchdog }) => {
      for (const inside of ['data', 'versions']) mkdirSync(path.join(folder, inside));
      return childServer({ ...launch(port, folder), logFile: path.join(folder, 'server.log'), watchdog });
    },
  });
  const { port, start, end } = started;
  const endpoint = tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId, secretAccessKey };
  const requestHandler = { httpsAgent: { ca: localhostCertificate } };
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials, requestHandler });
  return {
    endpoint,
    accessKeyId,
    secretAccessKey,
    region,
    async newBucket(options = {}) {
      const Bucket = `holdfast-${randomBytes(6).toString('hex')}`;
      await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: options.objectLock ?? false }));
      if (options.versioning && !options.objectLock) {
        const VersioningConfiguration = { Status: 'Enabled' } as const;
        await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
      }
      return Bucket;
    },
    stop: () => end('SIGTERM'),
    start,
    kill: () => end('SIGKILL'),
    async [Symbol.asyncDispose]() {
      client.destroy();
      await started[Symbol.asyncDispose]();
    },
  };
}

/** Whether an HTTP server answers there at all, with the wanted status if one is given. */
async function answers(url: string, status?: number): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return status === undefined || response.status === status;
  } catch {
    return false;
  }
}

async function answersWithTls(url: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  get(url, { ca: localhostCertificate }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  }).on('error', () => resolve(false));
  return promise;
}
