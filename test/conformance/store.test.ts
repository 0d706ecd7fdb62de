import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { planParts } from '../../lib/core/part-plan.ts';
import { openDirectoryStore } from '../../lib/store/directory-store.ts';
import { openS3Store } from '../../lib/store/s3-store.ts';
import { behindGateway } from '../local/s3/behind-gateway.ts';
import { minioServer, type S3Server, versitygwServer } from '../servers/s3.ts';
import type { KnownDifferences, StoreFactory } from './store/given.ts';
import { storeConformance } from './store/store-conformance.ts';

storeConformance('directory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-store-'));
  return {
    newStore: async () => await openDirectoryStore(await mkdtemp(join(folder, 'vault-'))),
    leftovers: async (store) => (await readdir(join(fileURLToPath(store.url), '.store', 'tmp'))).length,
    // All 10,000 parts, in sizes that grow from 16 bytes to 412.
    growing: { plan: { firstBytes: 16, growthBytes: 4, tierParts: 100, maxParts: 10_000 }, parts: 10_000 },
    dispose: async () => await rm(folder, { recursive: true }),
    versionsAfterTwoPutsAndDelete: { count: 0, because: 'a folder keeps no old versions' },
    legalHold: { isKnown: false, because: 'a folder cannot be locked' },
    listsUploads: { isKnown: true, because: 'they are files in a folder of their own' },
    refusedKeys: { keys: [], because: 'the contract is what a file system can hold' },
  };
});

const keepsVersions = { count: 3, because: 'the bucket is versioned: two versions and a delete marker' };

storeConformance('MinIO', () =>
  s3Factory(minioServer, {
    versionsAfterTwoPutsAndDelete: keepsVersions,
    legalHold: { isKnown: true, because: 'the bucket has object lock' },
    listsUploads: { isKnown: false, because: 'it lists uploads by their whole key only' },
    refusedKeys: { keys: [], because: 'none is known' },
  }),
);

storeConformance("MinIO behind the local stack's gateway", () =>
  s3Factory(() => behindGateway(minioServer), {
    versionsAfterTwoPutsAndDelete: keepsVersions,
    legalHold: { isKnown: true, because: 'the bucket has object lock' },
    listsUploads: { isKnown: false, because: 'MinIO lists uploads by their whole key only' },
    refusedKeys: { keys: [], because: 'none is known' },
  }),
);

storeConformance('versitygw', () =>
  s3Factory(versitygwServer, {
    versionsAfterTwoPutsAndDelete: keepsVersions,
    legalHold: { isKnown: true, because: 'the bucket has object lock' },
    listsUploads: { isKnown: true, because: 'as S3 does' },
    refusedKeys: { keys: [], because: 'none is known' },
  }),
);

/**
 * Stores with a prefix, in buckets of one server. S3 asks for parts of 5 MiB, so that 10,000 of them are out of reach here: four
 * tiers of growing parts show the numbering and planning, which are the same code for any number.
 */
async function s3Factory(startServer: () => Promise<S3Server>, known: KnownDifferences): Promise<StoreFactory> {
  const server = await startServer();
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const connection = { endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } };
  const client = new S3Client(connection);
  return {
    ...known,
    newStore: async (options) =>
      openS3Store({ ...connection, bucket: await server.newBucket(options ?? {}), prefix: 'some/where/' }),
    leftovers: async (store, key) => {
      const [, bucket, prefix] = /^s3:\/\/([^/]+)\/(.*)$/.exec(store.url) ?? [];
      // MinIO lists unfinished uploads only by their whole key.
      const page = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: `${prefix}/${key}` }));
      return page.Uploads?.length ?? 0;
    },
    growing: { plan: { ...planParts({ partBytes: 5 * 1024 ** 2 }), growthBytes: 65_536, tierParts: 1 }, parts: 5 },
    dispose: async () => {
      client.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}
