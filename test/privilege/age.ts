import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { watchStateSchema } from '../../lib/core/health.ts';
import { newOperationId, type TargetName } from '../../lib/core/ids.ts';
import { type JournalEvent, journalKey } from '../../lib/core/journal.ts';
import { manifestSchema } from '../../lib/core/manifest.ts';
import {
  backupPrefix,
  healthKeys,
  journalPrefix,
  manifestKey,
  prefixes,
  reportKey,
  walKey,
} from '../../lib/core/object-keys.ts';
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

/** Makes what the watch knows so many days older: schedules that it saw then have had something due since. */
export async function ageWatch(installation: Installation, days: number): Promise<void> {
  using admin = administrator(installation);
  const Key = healthKeys.watch;
  const { Body } = await admin.client.send(new GetObjectCommand({ Bucket: installation.bucket, Key }));
  const state = watchStateSchema.parse(JSON.parse((await Body?.transformToString()) ?? ''));
  const since = (time: string): string => new Date(Date.parse(time) - days * dayMs).toISOString();
  const schedules = Object.fromEntries(
    Object.entries(state.schedules).map(([name, seen]) => [name, { ...seen, since: since(seen.since) }]),
  );
  const command = { Bucket: installation.bucket, Key, Body: JSON.stringify({ ...state, schedules }) };
  await admin.client.send(new PutObjectCommand(command));
}

/** Leaves the entry of a cleanup that decided to remove a backup, and died before it had removed anything. */
export async function leaveDecision(installation: Installation, { backupId, target }: BackupRun): Promise<void> {
  using admin = administrator(installation);
  const event: JournalEvent = {
    event: 'backup-expired',
    operation: backupId,
    at: new Date().toISOString(),
    tenant: null,
    target,
    cleanup: newOperationId(new Date(), '00000000'),
    reason: 'its time is over',
  };
  const command = { Bucket: installation.bucket, Key: journalKey(event), Body: JSON.stringify(event) };
  await admin.client.send(new PutObjectCommand(command));
}

/** Loses all entries of the journal about a backup. */
export async function loseJournal(installation: Installation, { backupId }: BackupRun): Promise<void> {
  using admin = administrator(installation);
  await removeUnder(admin.client, installation.bucket, journalPrefix(backupId));
}

/** Writes something else over the first object of a backup's data. */
export async function damage(installation: Installation, run: BackupRun): Promise<void> {
  using admin = administrator(installation);
  const { Key } = await dataOf(admin.client, installation.bucket, run);
  await admin.client.send(new PutObjectCommand({ Bucket: installation.bucket, Key, Body: 'something else' }));
}

/** Leaves under each prefix of small objects one that nobody has needed for a long time, and a piece of a segment that is there whole. */
export async function leaveOldObjects(installation: Installation): Promise<void> {
  using admin = administrator(installation);
  for (const part of ['requests', 'outcomes', 'cleanups', 'inUse', 'checks'] as const)
    await admin.putOld(`${prefixes[part]}old/old/old.json`, '{}', 100);
  const segment = walKey('stock' as TargetName, '7434001122334455667', '000000010000000000000001');
  for (const key of [segment, `${segment}.partial-00000000-00001000`]) await admin.putOld(key, 'log', 100);
}

/** Leaves a report, as reporting would. */
export async function leaveReport(installation: Installation, name: string): Promise<void> {
  using admin = administrator(installation);
  const command = { Bucket: installation.bucket, Key: reportKey(name), Body: '{"status":"ok"}' };
  await admin.client.send(new PutObjectCommand(command));
}

/** Locks one object of a backup's data for an hour; its manifest is not locked. */
export async function lockData(installation: Installation, run: BackupRun): Promise<void> {
  using admin = administrator(installation);
  const data = await dataOf(admin.client, installation.bucket, run);
  await admin.client.send(
    new PutObjectRetentionCommand({
      Bucket: installation.bucket,
      ...data,
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

type Version = { readonly Key: string | undefined; readonly VersionId: string | undefined };

async function dataOf(client: S3Client, bucket: string, { target, backupId }: BackupRun): Promise<Version> {
  const versions = await versionsUnder(client, bucket, backupPrefix(target, backupId));
  const data = versions.find(({ Key }) => Key?.endsWith('manifest.json') === false);
  if (data === undefined) throw new Error(`backup '${backupId}' has no data`);
  return data;
}

async function versionsUnder(client: S3Client, Bucket: string, Prefix: string): Promise<readonly Version[]> {
  const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
  return Versions.map(({ Key, VersionId }) => ({ Key, VersionId }));
}

async function removeUnder(client: S3Client, Bucket: string, prefix: string): Promise<void> {
  for (const version of await versionsUnder(client, Bucket, prefix))
    await client.send(new DeleteObjectCommand({ Bucket, ...version }));
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
