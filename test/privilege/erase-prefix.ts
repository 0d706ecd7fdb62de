import { DeleteObjectsCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';

// A program of its own, so that a test can wait for it while everything else in its process stands still.
const { bucket: Bucket, prefix: Prefix, ...place } = JSON.parse(process.env['ERASE'] ?? '');
const client = new S3Client({ ...place, forcePathStyle: true });
const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
const Objects = Versions.map(({ Key, VersionId }) => ({ Key, VersionId }));
await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
client.destroy();
