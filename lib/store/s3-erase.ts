import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import type { S3Connection } from './s3-connection.ts';
import { protectionOf } from './s3-locks.ts';
import type { Erased, EraseOptions, Retained } from './store.ts';
import { compareKeys, whyNotKey } from './store-key.ts';

/** Questions about locks, of a page that is locked whole, asked side by side. */
const questionsAtATime = 16;

type Version = {
  readonly path: string;
  readonly versionId: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  readonly isMarker: boolean;
};
type Page = { readonly versions: readonly Version[]; readonly isLast: boolean };
/** Where a listing goes on. Never a version that was removed: what servers make of such a one is not said anywhere. */
type Place = { readonly KeyMarker?: string; readonly VersionIdMarker?: string };

type UploadPlace = { readonly KeyMarker?: string; readonly UploadIdMarker?: string };

/** One page of `Store.erase`. */
export async function erasePage(connection: S3Connection, prefix: string, options: EraseOptions): Promise<Erased> {
  const place: Place = options.after === undefined ? {} : (JSON.parse(options.after) as Place);
  const { versions, isLast } = await listPage(connection, prefix, place);
  const beyond = options.before === undefined ? undefined : connection.pathOf(options.before);
  const isWithin = (path: string): boolean => beyond === undefined || compareKeys(path, beyond) < 0;
  const chosen = versions.filter(
    ({ path, modifiedAt }) => isOurs(connection, path) && isWithin(path) && isBefore(modifiedAt, options),
  );
  const retained = chosen.length === 0 ? new Map<Version, Retained>() : await remove(connection, chosen);
  const removed = chosen.filter((version) => !retained.has(version));
  return {
    objects: removed.filter(({ isMarker }) => !isMarker).length,
    freedBytes: removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    retained: [...retained.values()],
    ...(isLast || !isWithin(versions.at(-1)?.path ?? '')
      ? {}
      : { next: JSON.stringify(placeAfter(versions, new Set(removed), place)) }),
  };
}

/** Gives up the uploads of this store that were begun before that time. (MinIO lists uploads by their whole key only, and so none here.) */
export async function abandonUploads(connection: S3Connection, before: Date): Promise<number> {
  const { client, bucket } = connection;
  const attempt = connection.attempt.bind(connection);
  let abandoned = 0;
  let marker: UploadPlace | undefined = {};
  while (marker !== undefined) {
    const place: UploadPlace = marker;
    const page: ListMultipartUploadsCommandOutput = await attempt('list unfinished uploads', () =>
      client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: connection.pathOf(''), ...place })),
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key === undefined || Initiated === undefined || Initiated >= before) continue;
      await attempt(`abandon an upload of '${connection.keyOf(Key)}'`, () =>
        client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId })),
      );
      abandoned += 1;
    }
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
    marker = page.IsTruncated && KeyMarker ? { KeyMarker, ...(UploadIdMarker ? { UploadIdMarker } : {}) } : undefined;
  }
  return abandoned;
}

/** A page that ends within the versions of its last key leaves that key to the next page, unless it has no other. */
async function listPage(connection: S3Connection, prefix: string, place: Place): Promise<Page> {
  const page = await connection.attempt(`list the versions of '${prefix}'`, () =>
    connection.client.send(
      new ListObjectVersionsCommand({ Bucket: connection.bucket, Prefix: connection.pathOf(prefix), ...place }),
    ),
  );
  const versions = [
    ...(page.Versions ?? []).map((entry) => versionOf(entry, entry.Size ?? 0, false)),
    ...(page.DeleteMarkers ?? []).map((entry) => versionOf(entry, 0, true)),
  ].sort((a, b) => compareKeys(a.path, b.path));
  if (page.IsTruncated !== true) return { versions, isLast: true };
  const last = versions.at(-1)?.path;
  const whole = versions.filter(({ path }) => path !== last);
  return { versions: whole.length > 0 ? whole : versions, isLast: false };
}

function versionOf(
  {
    Key = '',
    VersionId = 'null',
    LastModified = new Date(0),
  }: { Key?: string; VersionId?: string; LastModified?: Date },
  sizeBytes: number,
  isMarker: boolean,
): Version {
  return { path: Key, versionId: VersionId, sizeBytes, modifiedAt: LastModified, isMarker };
}

function placeAfter(versions: readonly Version[], removed: ReadonlySet<Version>, before: Place): Place {
  const last = versions.at(-1)?.path;
  if (last === undefined) return before;
  if (versions[0]?.path !== last) return { KeyMarker: last };
  // One key fills the page: what is left of it, if anything, is where the next page begins.
  const left = versions.findLast((version) => !removed.has(version));
  return left === undefined ? before : { KeyMarker: last, VersionIdMarker: left.versionId };
}

/**
 * Removes these versions, and tells of those that a lock or hold keeps. Servers say "denied" of those as they do of a role that may not
 * (MinIO says "invalid request"), so whether it was a lock is asked for.
 */
async function remove(connection: S3Connection, versions: readonly Version[]): Promise<ReadonlyMap<Version, Retained>> {
  const { Errors = [] } = await connection.attempt('remove objects', () =>
    connection.client.send(
      new DeleteObjectsCommand({
        Bucket: connection.bucket,
        Delete: { Quiet: true, Objects: versions.map(({ path, versionId }) => ({ Key: path, VersionId: versionId })) },
      }),
    ),
  );
  const limit = pLimit(questionsAtATime);
  const refused = await Promise.all(
    Errors.filter(({ Code }) => Code !== 'NoSuchKey' && Code !== 'NoSuchVersion').map((refusal) =>
      limit(async () => {
        const version = versions.find(
          ({ path, versionId }) => path === refusal.Key && versionId === (refusal.VersionId ?? 'null'),
        );
        const key = connection.keyOf(refusal.Key ?? '');
        const lock = version && (await protectionOf(connection, key, version.versionId));
        if (version !== undefined && lock !== undefined && (lock.isHeld || lock.lockedUntil !== undefined))
          return [version, { ...lock, key, sizeBytes: version.sizeBytes }] as const;
        const error = Object.assign(new Error(refusal.Message), {
          name: refusal.Code,
          $metadata: { httpStatusCode: 403 },
        });
        throw connection.error(error, `remove '${key}'`);
      }),
    ),
  );
  return new Map(refused);
}

const isOurs = (connection: S3Connection, path: string): boolean => whyNotKey(connection.keyOf(path)) === undefined;

const isBefore = (modifiedAt: Date, { modifiedBefore }: EraseOptions): boolean =>
  modifiedBefore === undefined || modifiedAt < modifiedBefore;
