import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { manifestSchema } from '../../lib/core/manifest.ts';
import { manifestKey, prefixes } from '../../lib/core/object-keys.ts';
import type { BackupRun } from '../../lib/core/requests.ts';
import { sealManifest } from '../../lib/keys/seal.ts';
import { decryptLocally } from '../../lib/local/endpoint/kms.ts';
import type { Installation } from './installation.ts';

const dayMs = 86_400_000;
const daysAgo = (days: number): Date => new Date(Date.now() - days * dayMs);

/** Makes a backup so many days older than it is, in its sealed manifest and by the bucket's clock. */
export async function age(installation: Installation, run: BackupRun, days: number): Promise<void> {
  using admin = administrator(installation);
  const Key = manifestKey(run.target, run.backupId);
  const { Body, VersionId } = await admin.client.send(new GetObjectCommand({ Bucket: installation.bucket, Key }));
  const { seal: _, ...manifest } = manifestSchema.parse(JSON.parse((await Body?.transformToString()) ?? ''));
  const { wrappedKey } = manifest.encryption;
  if (wrappedKey === null) throw new Error(`${Key} is not encrypted`);
  const dataKey = decryptLocally(
    installation.opened.folder.stateDirectory,
    wrappedKey.keyId.split('/').at(-1) ?? '',
    Buffer.from(wrappedKey.ciphertext, 'base64'),
    { target: run.target, backupId: run.backupId },
  );
  const earlier = (time: string): string => new Date(Date.parse(time) - days * dayMs).toISOString();
  const aged = sealManifest(
    {
      ...manifest,
      beganAt: earlier(manifest.beganAt),
      endedAt: earlier(manifest.endedAt),
      retention: { ...manifest.retention, until: earlier(manifest.retention.until) },
    },
    dataKey,
  );
  // Of two versions MinIO takes the younger for the present one.
  await admin.client.send(new DeleteObjectCommand({ Bucket: installation.bucket, Key, VersionId }));
  await admin.putOld(Key, JSON.stringify(aged), days);
}

/** Leaves under each prefix of small objects one that nobody has needed for a long time. */
export async function leaveOldObjects(installation: Installation): Promise<void> {
  using admin = administrator(installation);
  for (const part of ['requests', 'outcomes', 'cleanups', 'inUse', 'checks'] as const)
    await admin.putOld(`${prefixes[part]}old/old/old.json`, '{}', 100);
}

/** Locks one object of a backup's data for an hour; its manifest is not locked. */
export async function lockData(installation: Installation, run: BackupRun): Promise<void> {
  using admin = administrator(installation);
  const prefix = manifestKey(run.target, run.backupId).replace(/manifest\.json$/, '');
  const listed = await admin.client.send(
    new ListObjectVersionsCommand({ Bucket: installation.bucket, Prefix: prefix }),
  );
  const [data] = (listed.Versions ?? []).filter(({ Key }) => Key?.endsWith('manifest.json') === false);
  await admin.client.send(
    new PutObjectRetentionCommand({
      Bucket: installation.bucket,
      Key: data?.Key,
      VersionId: data?.VersionId,
      Retention: { Mode: 'GOVERNANCE', RetainUntilDate: new Date(Date.now() + 3_600_000) },
    }),
  );
}

/** Takes the legal hold of a backup's manifest away, as if whoever held it had not been allowed to set it. */
export async function liftLegalHold(installation: Installation, run: BackupRun): Promise<void> {
  using admin = administrator(installation);
  await admin.client.send(
    new PutObjectLegalHoldCommand({
      Bucket: installation.bucket,
      Key: manifestKey(run.target, run.backupId),
      LegalHold: { Status: 'OFF' },
    }),
  );
}

type Administrator = Disposable & {
  readonly client: S3Client;
  readonly putOld: (key: string, body: string, days: number) => Promise<void>;
};

function administrator({ s3, bucket }: Installation): Administrator {
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  return {
    client,
    putOld: async (Key, Body, days) => {
      const command = new PutObjectCommand({ Bucket: bucket, Key, Body });
      command.middlewareStack.add(
        (next) => (call) => {
          // MinIO's own, by which its replicas keep the times of their originals.
          (call.request as { headers: Record<string, string> }).headers['x-minio-source-mtime'] =
            daysAgo(days).toISOString();
          return next(call);
        },
        { step: 'build' },
      );
      await client.send(command);
    },
    [Symbol.dispose]: () => client.destroy(),
  };
}
