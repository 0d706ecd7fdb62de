import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { loadConfig } from '../../lib/config/load.ts';
import { openKeyProviderOf } from '../../lib/keys/open-key-provider.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { WalKeys } from '../../lib/wal/wal-keys.ts';
import { pieceName } from '../../lib/wal/wal-names.ts';
import { type WalFile, walWriter } from '../../lib/wal/write-wal.ts';
import { ensureDebianPrograms } from '../../scripts/servers/debian-programs.ts';
import { ensurePythonPackages } from '../../scripts/servers/python-packages.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { type TakenBackup, takeBackup } from './take-backup.ts';

const document = await readFile(new URL('../../docs/restore-without-holdfast.md', import.meta.url), 'utf8');
const blocksOf = (text: string, words: string): string[] =>
  [...text.matchAll(/^```sh([a-z ]*)\n([\s\S]*?)^```$/gm)].flatMap(([, own = '', block = '']) =>
    own.trim() === words ? [block] : [],
  );
/** Steps 1 to 4, and those of WAL. */
const commands = [...blocksOf(document.slice(0, document.indexOf('## 5.')), ''), ...blocksOf(document, 'wal')];

const systemIdentifier = '7434001122334455667';
const segmentBytes = 1024 * 1024;
let source: PostgresServer;
let venv: string;

before(async () => {
  const progress = (line: string) => console.error(line);
  await ensureDebianPrograms({ jq: 'jq', zstd: 'zstd', openssl: 'openssl' }, progress);
  const packages = /pip install --quiet (.+)/.exec(document)?.[1]?.split(' ') ?? [];
  venv = await ensurePythonPackages(packages, progress);
  source = await postgresServer({ major: 17 });
});
after(() => source?.[Symbol.asyncDispose]());

async function writeWal({ configFile, manifest: { target } }: TakenBackup, files: readonly WalFile[]): Promise<void> {
  const config = loadConfig(configFile, {});
  const store = await openStore(config.store);
  const { signal } = new AbortController();
  const context = { store, config, openKeys: openKeyProviderOf, clock: () => new Date(), signal };
  const keys = new WalKeys(context, target, systemIdentifier);
  const writer = walWriter(context, { target, systemIdentifier }, () => keys.current());
  for (const file of files) await writer.write(file);
  await store.close();
}

/** Runs the commands, their choices filled in; resolves with what they printed. */
async function follow({ folder, manifest }: TakenBackup): Promise<string> {
  const work = path.join(folder, 'work');
  await mkdir(work);
  await symlink(venv, path.join(work, 'venv'));
  const values: Readonly<Record<string, string>> = {
    STORE: path.join(folder, 'vault'),
    TARGET: manifest.target,
    BACKUP: manifest.backupId,
    KEY_FILE: path.join(folder, 'holdfast.key'),
    WORK: work,
    SYSTEM: systemIdentifier,
  };
  const filledIn = commands
    .join('\n')
    .replaceAll(/^([A-Z_]+)=\S+/gm, (line, name: string) =>
      values[name] === undefined ? line : `${name}='${values[name]}'`,
    );
  const script = path.join(folder, 'follow.sh');
  await writeFile(script, filledIn);
  const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', script], {
    env: { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C.UTF-8', PIP_NO_INDEX: '1' },
  });
  return stdout + stderr;
}

for (const { name, settings } of [
  { name: 'AES-GCM, zstd', settings: 'encryption: { keys: key-file }' },
  {
    name: 'AES-CBC, gzip',
    settings: 'encryption: { keys: key-file, algorithm: aes-256-cbc }\ncompression: { algorithm: gzip }',
  },
  { name: 'no encryption, zstd', settings: 'encryption: { keys: none }' },
]) {
  test(`the document's commands make files of WAL out of what the store has: ${name}`, async () => {
    await using backup = await takeBackup(source, settings);
    const [whole, begun] = ['000000010000000000000003', '000000010000000000000004'];
    const plain = randomBytes(segmentBytes);
    const history = Buffer.from('1\t0/358000\tno recovery target specified\n');
    await writeWal(backup, [
      { name: whole, segmentBytes, plain },
      { name: pieceName(begun, 0, 300_000), segmentBytes, plain: plain.subarray(0, 300_000) },
      { name: pieceName(begun, 300_000, 300_001), segmentBytes, plain: plain.subarray(300_000, 300_001) },
      { name: pieceName(begun, 0, 400_000), segmentBytes, plain: plain.subarray(0, 400_000) },
      { name: '00000002.history', segmentBytes, plain: history },
    ]);

    const printed = await follow(backup);

    assert.doesNotMatch(printed, /STOP/);
    assert.match(printed, /^3 files of WAL are in /m);
    const files = path.join(backup.folder, 'work', 'plain');
    assert.deepEqual((await readdir(files)).sort(), [whole, begun, '00000002.history'].sort());
    assert.deepEqual(await readFile(path.join(files, whole)), plain);
    assert.deepEqual(
      await readFile(path.join(files, begun)),
      Buffer.concat([plain.subarray(0, 400_000), Buffer.alloc(648_576)]),
    );
    assert.deepEqual(await readFile(path.join(files, '00000002.history')), history);
  });
}
