import { globSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { GetObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { escapeIdentifier } from 'pg';
import { manifestSchema } from '../../lib/core/manifest.ts';
import { decryptLocally } from '../../lib/local/endpoint/kms.ts';
import { catalogDatabase } from '../e2e/catalog-access.ts';
import { bytesCanary, type Canary, type Leaving, textCanary } from './canaries.ts';
import type { Installation } from './installation.ts';

/** Where secrets belong, and nothing else may find them: below the installation's folder. */
const places = [
  /^\.holdfast\/kms\//,
  /^\.holdfast\/secrets\//,
  /^stock-password$/,
  // The operator's credentials for this start of the stack, for its owner only.
  /^\.holdfast\/stack\.json$/,
  // Read row by row instead, as users do.
  /^\.holdfast\/databases\//,
  // What the test itself notes; it is looked at by itself.
  /^tool-starts\//,
];

/** Everything that the installation has left on this machine and in its bucket: files, objects with all their versions, catalog rows. */
export async function leftBehind(installation: Installation): Promise<readonly Leaving[]> {
  return [...filesOf(installation), ...(await objectsOf(installation)), ...(await rowsOf(installation))];
}

/** What was planted, and what was made on the way: keys of KMS, the data key of every backup, credentials. */
export async function canariesOf(installation: Installation): Promise<readonly Canary[]> {
  const { planted, opened, root } = installation;
  const stateDirectory = join(root, '.holdfast');
  const manifests = (await objectsOf(installation)).filter(({ where }) => where.includes('/manifest.json'));
  const dataKeys = manifests.map(({ where, content }) => {
    const { encryption, target, backupId } = manifestSchema.parse(JSON.parse(content.toString()));
    if (encryption.wrappedKey === null) throw new Error(`${where} is not encrypted`);
    const { keyId, ciphertext } = encryption.wrappedKey;
    const id = keyId.split('/').at(-1) ?? '';
    return bytesCanary(
      `data key of ${backupId}`,
      decryptLocally(stateDirectory, id, Buffer.from(ciphertext, 'base64'), { target, backupId }),
    );
  });
  const wrapping = globSync('kms/*.key', { cwd: stateDirectory }).map((file) =>
    bytesCanary('wrapping key', readFileSync(join(stateDirectory, file))),
  );
  if (dataKeys.length === 0 || wrapping.length === 0) throw new Error('there are no keys to look for');
  return [
    ...Object.entries(planted).map(([name, text]) => textCanary(name, text)),
    bytesCanary("operator's credentials", Buffer.from(opened.stack.credentials.secretAccessKey)),
    bytesCanary("the machine's credentials for the bucket", Buffer.from(installation.s3.secretAccessKey)),
    ...wrapping,
    ...dataKeys,
  ];
}

function filesOf({ root }: Installation): Leaving[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !places.some((place) => place.test(relative(root, file))))
    .map((file) => ({ where: relative(root, file), content: readFileSync(file) }));
}

async function objectsOf({ s3, bucket }: Installation): Promise<Leaving[]> {
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  const { Versions = [], IsTruncated } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
  if (IsTruncated) throw new Error('there are more objects than one page lists');
  const objects = await Promise.all(
    Versions.map(async ({ Key = '', VersionId }): Promise<Leaving> => {
      const { Body, Metadata } = await client.send(new GetObjectCommand({ Bucket: bucket, Key, VersionId }));
      const content = Buffer.from((await Body?.transformToByteArray()) ?? []);
      return {
        where: `s3://${bucket}/${Key}`,
        content: Key.endsWith('manifest.json')
          ? content
          : Buffer.concat([content, Buffer.from(JSON.stringify(Metadata))]),
      };
    }),
  );
  client.destroy();
  return objects;
}

/** Every row of every table of the catalog, as text. */
async function rowsOf({ opened }: Installation): Promise<Leaving[]> {
  await using catalog = await catalogDatabase(opened.folder);
  const { rows: tables } = await catalog.client.query<{ schema: string; name: string }>(
    `select schemaname as schema, tablename as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const leavings: Leaving[] = [];
  for (const { schema, name } of tables) {
    const table = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
    const { rows } = await catalog.client.query<{ row: string }>(`select t::text as row from ${table} as t`);
    leavings.push({ where: `table ${schema}.${name}`, content: Buffer.from(rows.map(({ row }) => row).join('\n')) });
  }
  return leavings;
}
