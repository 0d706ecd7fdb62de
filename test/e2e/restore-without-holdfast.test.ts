import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { ensureDebianPrograms } from '../../scripts/servers/debian-programs.ts';
import { ensurePythonPackages } from '../../scripts/servers/python-packages.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { clientEnvironment, clusterText, fillShop } from './shop.ts';
import { type TakenBackup, takeBackup } from './take-backup.ts';

const progress = (line: string) => console.error(line);
const document = await readFile(new URL('../../docs/restore-without-holdfast.md', import.meta.url), 'utf8');
/** The commands as a reader would paste them, the first block being the one that he fills in. */
const [choices = '', ...blocks] = [...document.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');

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
async function follow(backup: TakenBackup, destination: PostgresServer): Promise<string> {
  const work = path.join(backup.folder, 'work');
  await mkdir(work);
  // What the document would have pip fetch is there already, from the cache.
  await symlink(venv, path.join(work, 'venv'));
  const values: Readonly<Record<string, string>> = {
    STORE: path.join(backup.folder, 'vault'),
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
    env: { PATH, HOME: backup.folder, LC_ALL: 'C.UTF-8', PIP_NO_INDEX: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1' },
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

    assert.doesNotMatch(printed, /STOP|DIFFERS|NOT as backed up|left alone/);
    assert.match(printed, /the manifest is unaltered/);
    assert.match(printed, /^db--h: 3 tables, 4 rows, as backed up$/m);
    assert.match(printed, /^done$/m);
    assert.ok(!(await readdir(backup.folder)).includes('work'), 'nothing is left in the clear');
    assert.deepEqual(await clusterText(destination), sourceText);
  });
}
