import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { ensureDebianPrograms } from '../../scripts/servers/debian-programs.ts';
import { ensurePythonPackages } from '../../scripts/servers/python-packages.ts';
import { kmsStandIn } from '../keys/kms-stand-in.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { minioServer } from '../servers/s3.ts';
import { clientEnvironment, clusterText, fillShop } from './shop.ts';
import { type TakenBackup, takeBackup } from './take-backup.ts';

const progress = (line: string) => console.error(line);
const whole = await readFile(new URL('../../docs/restore-without-holdfast.md', import.meta.url), 'utf8');
/** Trees of files have a test of their own. */
const [document = ''] = whole.split(/^## Application files$/m);
/** The commands as a reader would paste them, the first block being the one that he fills in. */
const [choices = '', ...blocks] = [...document.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');

const complaints = /STOP|DIFFERS|NOT as backed up|left alone/;

let source: PostgresServer;
let sourceText: Readonly<Record<string, string>>;
let venv: string;

before(async () => {
  await ensureDebianPrograms({ jq: 'jq', zstd: 'zstd', openssl: 'openssl', gzip: 'gzip' }, progress);
  const packages = /pip install --quiet (.+)/.exec(document)?.[1]?.split(' ') ?? [];
  assert.deepEqual(packages, ['aws-encryption-sdk==4.0.7', 'cryptography==50.0.2']);
  venv = await ensurePythonPackages(packages, progress);
  source = await postgresServer({ major: 17 });
  await fillShop(source);
  sourceText = await clusterText(source);
});
after(() => source?.[Symbol.asyncDispose]());

/** Runs the document's commands against `destination`, its choices filled in; resolves with all that they printed. */
async function follow(
  backup: TakenBackup,
  destination: PostgresServer,
  cloud: { readonly store: string; readonly programs: string; readonly env: Readonly<Record<string, string>> } = {
    store: path.join(backup.folder, 'vault'),
    programs: '/nonexistent',
    env: {},
  },
): Promise<string> {
  const work = path.join(backup.folder, 'work');
  await mkdir(work);
  // What the document would have pip fetch is there already, from the cache.
  await symlink(venv, path.join(work, 'venv'));
  const values: Readonly<Record<string, string>> = {
    STORE: cloud.store,
    TARGET: backup.manifest.target,
    BACKUP: backup.manifest.backupId,
    KEY_FILE: path.join(backup.folder, 'holdfast.key'),
    WORK: work,
    PGHOST: destination.host,
    PGPORT: String(destination.port),
    PGUSER: destination.user,
    PGPASSWORD: destination.password,
    PGCLIENTENCODING: 'UTF8',
  };
  const filledIn = choices.replaceAll(/\b([A-Z_]+)=\S+/g, (_, name: string) => {
    const value = values[name] ?? assert.fail(`the document has a new variable '${name}'`);
    return `${name}='${value}'`;
  });
  const script = path.join(backup.folder, 'follow.sh');
  await writeFile(script, [filledIn, ...blocks].join('\n'));
  const { PATH } = clientEnvironment(destination, '');
  const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', script], {
    env: {
      ...cloud.env,
      PATH: `${cloud.programs}:${PATH}`,
      HOME: backup.folder,
      LC_ALL: 'C.UTF-8',
      PIP_NO_INDEX: '1',
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
    },
  });
  return stdout + stderr;
}

for (const { name, settings } of [
  { name: 'AES-GCM with a key file, zstd', settings: 'encryption: { keys: key-file }' },
  { name: 'AES-CBC with a key file, zstd', settings: 'encryption: { keys: key-file, algorithm: aes-256-cbc }' },
  { name: 'no encryption, gzip', settings: 'encryption: { keys: none }\ncompression: { algorithm: gzip }' },
]) {
  test(`the document's commands bring back every database, role and property: ${name}`, async () => {
    await using backup = await takeBackup(source, settings);
    await using destination = await postgresServer({ major: 17 });

    const printed = await follow(backup, destination);

    assert.doesNotMatch(printed, complaints);
    assert.match(printed, /the manifest is unaltered/);
    assert.match(printed, /^db--h: 3 tables, 4 rows, as backed up$/m);
    assert.match(printed, /^done$/m);
    assert.ok(!(await readdir(backup.folder)).includes('work'), 'nothing is left in the clear');
    assert.deepEqual(await clusterText(destination), sourceText);
  });
}

test('from scripts, every database comes back with its rows', async () => {
  await using backup = await takeBackup(source, 'encryption: { keys: key-file }', { format: 'sql' });
  await using destination = await postgresServer({ major: 17 });

  const printed = await follow(backup, destination);

  assert.doesNotMatch(printed, complaints);
  assert.match(printed, /^db--h: 3 tables, 4 rows, as backed up$/m);
  const databases = Object.keys(sourceText).filter((name) => name !== 'globals');
  assert.deepEqual(
    Object.keys(await clusterText(destination)).filter((name) => name !== 'globals'),
    databases,
  );
});

test('from a backup of the definitions alone, every table comes back without rows', async () => {
  await using backup = await takeBackup(source, 'encryption: { keys: key-file }', { method: 'schema' });
  await using destination = await postgresServer({ major: 17 });

  const printed = await follow(backup, destination);

  assert.doesNotMatch(printed, complaints);
  assert.deepEqual([...new Set(backup.manifest.streams.map(({ kind }) => kind))], ['globals', 'schema']);
  assert.match(printed, /^db--h: 0 tables, 0 rows, as backed up$/m);
});

test('from a bucket, with the key in KMS', async () => {
  const programs = path.join(await ensurePythonPackages(['awscli==1.46.3'], progress), 'bin');
  await using s3 = await minioServer();
  await using kms = await kmsStandIn();
  const { hostname, port } = (await kms.client.config.endpoint?.()) ?? assert.fail('the stand-in has no address');
  const env = {
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    AWS_REGION: s3.region,
    AWS_DEFAULT_REGION: s3.region,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ENDPOINT_URL_KMS: `http://${hostname}:${port}`,
  };
  Object.assign(process.env, env);
  const bucket = await s3.newBucket();
  await using backup = await takeBackup(
    source,
    `store: { kind: s3, bucket: ${bucket}, prefix: holdfast/, endpoint: "${s3.endpoint}", forcePathStyle: true, region: ${s3.region} }
encryption: { keys: kms, kmsKey: "${kms.keyArn}" }`,
  );
  await using destination = await postgresServer({ major: 17 });

  const printed = await follow(backup, destination, { store: `s3://${bucket}/holdfast`, programs, env });

  assert.doesNotMatch(printed, complaints);
  assert.match(printed, /^aes-256-gcm, key from kms: 64 hexadecimal digits$/m);
  assert.deepEqual(await clusterText(destination), sourceText);
});

test('an object under the name of another stops the commands before anything is restored', async () => {
  for (const algorithm of ['aes-256-gcm', 'aes-256-cbc']) {
    await using backup = await takeBackup(source, `encryption: { keys: key-file, algorithm: ${algorithm} }`);
    await using destination = await postgresServer({ major: 17 });
    const shop = backup.manifest.streams.find(({ name }) => name === 'shop');
    const [first, second] = shop?.objects.map(({ key }) => path.join(backup.folder, 'vault', key)) ?? [];
    if (first === undefined || second === undefined) assert.fail('the stream has one object only');
    await copyFile(first, second);

    await assert.rejects(follow(backup, destination), { stderr: /1 computed checksum did NOT match/ });

    assert.doesNotMatch((await clusterText(destination, ['postgres']))['globals'] ?? '', /keeper/);
  }
});
