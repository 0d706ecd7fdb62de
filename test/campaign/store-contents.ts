import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { prefixes } from '../../lib/core/object-keys.ts';

/** Every object of a store by its key: what a stranger with access to the disk or the bucket sees. */
export type Contents = ReadonlyMap<string, Buffer>;

/** A store looked at and tampered with behind Holdfast's back. */
export type RawStore = {
  readAll(): Promise<Contents>;
  /** Replaces or makes an object, whatever conditions anyone else keeps to. */
  write(key: string, bytes: Buffer): Promise<void>;
  remove(key: string): Promise<void>;
};

/** A directory store's files. What is no object (`.store/`) is left out. */
export function rawDirectory(root: string): RawStore {
  return {
    async readAll() {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      const keys = files.map((file) => file.slice(root.length + 1)).filter((key) => !key.startsWith('.store/'));
      return new Map(await Promise.all(keys.map(async (key) => [key, await readFile(join(root, key))] as const)));
    },
    async write(key, bytes) {
      const file = join(root, key);
      await mkdir(dirname(file), { recursive: true });
      await chmod(file, 0o640).catch(() => {});
      await writeFile(file, bytes);
    },
    remove: (key) => rm(join(root, key)),
  };
}

/** The objects under a prefix of a bucket. */
export function rawBucket(client: S3Client, bucket: string, prefix: string): RawStore {
  const place = (key: string) => ({ Bucket: bucket, Key: prefix + key });
  return {
    async readAll() {
      const found: [string, Buffer][] = [];
      let token: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(token && { ContinuationToken: token }) }),
        );
        const read = (page.Contents ?? []).map(async ({ Key = '' }): Promise<[string, Buffer]> => {
          const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
          return [Key.slice(prefix.length), Buffer.from((await Body?.transformToByteArray()) ?? [])];
        });
        found.push(...(await Promise.all(read)));
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return new Map(found);
    },
    async write(key, bytes) {
      await client.send(new PutObjectCommand({ ...place(key), Body: bytes }));
    },
    async remove(key) {
      await client.send(new DeleteObjectCommand(place(key)));
    },
  };
}

/** What is replaced, or goes, by design: who is at work, and how the installation is. */
const mutable = [prefixes.leases, prefixes.inUse, prefixes.health, prefixes.alerts];

/** The objects of `before` that `after` does not have, or has with other bytes, but for those that are meant to change. */
export function alteredBetween(before: Contents, after: Contents): readonly string[] {
  const hash = (bytes: Buffer | undefined) => bytes && createHash('sha256').update(bytes).digest('hex');
  return [...before]
    .filter(([key, bytes]) => !mutable.some((prefix) => key.startsWith(prefix)) && hash(bytes) !== hash(after.get(key)))
    .map(([key]) => key);
}
