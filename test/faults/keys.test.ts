import assert from 'node:assert/strict';
import { copyFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { runCli } from '../e2e/run-cli.ts';
import { type TakenBackup, takeBackup } from '../e2e/take-backup.ts';
import { run } from '../engines/postgres/run-engine.ts';
import { type KmsStandIn, kmsStandIn } from '../keys/kms-stand-in.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';

let server: PostgresServer;
let kms: KmsStandIn;
let underFile: TakenBackup;
let underKms: TakenBackup;

before(async () => {
  server = await postgresServer({ major: 17 });
  await run(server, 'postgres', 'create database shop');
  await run(server, 'shop', 'create table item as select n as id from generate_series(1, 100) n');
  kms = await kmsStandIn();
  const { hostname, port } = (await kms.client.config.endpoint?.()) ?? assert.fail('the stand-in has no address');
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'eu-central-1',
    AWS_ENDPOINT_URL_KMS: `http://${hostname}:${port}`,
  });
  underFile = await takeBackup(server, 'encryption: { keys: key-file }');
  underKms = await takeBackup(server, `encryption: { keys: kms, kmsKey: "${kms.keyArn}" }`);
});
after(async () => {
  await underFile?.[Symbol.asyncDispose]();
  await underKms?.[Symbol.asyncDispose]();
  await kms?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** What a validation and a restore of the backup say, which must be the same. */
async function refusal({
  configFile,
  manifest,
}: TakenBackup): Promise<{ code: string; message: string; hint: string }> {
  const ask = (...args: string[]) => runCli([...args, '--config', configFile, '--json']);
  const validated = await ask('validate', manifest.backupId);
  const restored = await ask('restore', manifest.backupId, '--database', 'shop', '--as', 'never');
  assert.deepEqual([validated.exitCode, restored.exitCode], [14, 14], validated.stderr + restored.stderr);
  assert.deepEqual(validated.error, restored.error);
  return restored.error;
}

const opens = async ({ configFile, manifest }: TakenBackup): Promise<void> => {
  const { exitCode, stderr } = await runCli(['validate', manifest.backupId, '--config', configFile]);
  assert.equal(exitCode, 0, stderr);
};

test('a key file that is lost is missed by its name, and nothing is put in its place', async () => {
  const file = join(underFile.folder, 'holdfast.key');
  await rename(file, `${file}.away`);

  const { code, message, hint } = await refusal(underFile);

  assert.equal(code, 'key-missing');
  assert.match(message, /cannot open key file '.*holdfast\.key'/);
  assert.match(hint, /put back the copy that was kept elsewhere/);
  await rename(`${file}.away`, file);
  await opens(underFile);
});

test('a key file that was replaced by another names both keys', async () => {
  const file = join(underFile.folder, 'holdfast.key');
  await copyFile(file, `${file}.kept`);
  await rm(file);
  await ensureKeyFile(file);

  const { code, message, hint } = await refusal(underFile);

  assert.equal(code, 'key-wrong');
  const keyId = underFile.manifest.encryption.wrappedKey?.keyId;
  assert.match(message, new RegExp(`was encrypted under key '${keyId}', but key file '.*' holds '[0-9a-f]{32}'`));
  assert.match(hint, /is this the key that the backup was made with/);
  await rm(file);
  await rename(`${file}.kept`, file);
  await opens(underFile);
});

test('a key file that is damaged is said to be so', async () => {
  const file = join(underFile.folder, 'holdfast.key');
  await rename(file, `${file}.kept`);
  await writeFile(file, '{"format":"holdfast-key-f', { mode: 0o600 });

  const { exitCode, error } = await runCli([
    'validate',
    underFile.manifest.backupId,
    '--config',
    underFile.configFile,
    '--json',
  ]);

  assert.equal(exitCode, 10);
  assert.match(error.message, /'.*holdfast\.key' is not a whole key file/);
  await rename(`${file}.kept`, file);
  await opens(underFile);
});

for (const [what, type, hint] of [
  ['disabled', 'DisabledException', /run: aws kms enable-key --key-id 'arn:aws:kms:/],
  ['scheduled for deletion', 'KMSInvalidStateException', /run NOW: aws kms cancel-key-deletion --key-id 'arn:aws:kms:/],
  ['deleted', 'NotFoundException', /a key that was deleted cannot be brought back/i],
] as const) {
  test(`a KMS key that was ${what} after the backup stops restore and validation with the way out`, async () => {
    kms.fail = { status: 400, type, message: 'no' };

    const refused = await refusal(underKms);
    const backup = takeBackup(server, `encryption: { keys: kms, kmsKey: "${kms.keyArn}" }`);

    assert.equal(refused.code, 'key-missing');
    assert.match(refused.hint, hint);
    await assert.rejects(backup, { code: 'key-missing' });
    kms.fail = undefined;
    await opens(underKms);
  });
}
