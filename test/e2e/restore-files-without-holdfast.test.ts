import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Manifest } from '../../lib/core/manifest.ts';
import { ensureDebianPrograms } from '../../scripts/servers/debian-programs.ts';
import { ensurePythonPackages } from '../../scripts/servers/python-packages.ts';
import { makeOddTree, noise } from '../engines/application/odd-tree.ts';
import { backUp } from './take-backup.ts';

const progress = (line: string) => console.error(line);
const document = readFileSync(new URL('../../docs/restore-without-holdfast.md', import.meta.url), 'utf8');
const [common = '', files = ''] = document.split(/^## Application files$/m);
const blocksOf = (text: string): string[] =>
  [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');
/** Up to the roles of databases: what every engine's backups have in common. */
const [choices = '', ...steps] = blocksOf(common.split(/^## 5\. /m)[0] ?? '');

let folder: string;
let source: string;
let venv: string;

before(async () => {
  await ensureDebianPrograms({ jq: 'jq', zstd: 'zstd', openssl: 'openssl' }, progress);
  const packages = /pip install --quiet (.+)/.exec(document)?.[1]?.split(' ') ?? [];
  venv = await ensurePythonPackages(packages, progress);
});
after(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
});

function newPlace(): void {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'));
  source = join(folder, 'app');
  for (const path of [source, join(folder, 'vault'), join(folder, 'work')]) mkdirSync(path);
  makeOddTree(source);
  writeFileSync(
    join(folder, 'holdfast.yaml'),
    `store: { kind: file, path: ./vault }
encryption: { keys: key-file }
run: { objectBytes: 2097152 }
targets: [{ name: files, engine: application, connection: { path: ./app } }]
`,
  );
}

/** Runs the document's commands as a reader would paste them. */
async function follow(manifest: Manifest, blocks: readonly string[]): Promise<string> {
  const work = join(folder, 'work', manifest.backupId);
  mkdirSync(work, { recursive: true });
  symlinkSync(venv, join(work, 'venv'));
  const values: Readonly<Record<string, string>> = {
    STORE: join(folder, 'vault'),
    TARGET: 'files',
    BACKUP: manifest.backupId,
    KEY_FILE: join(folder, 'holdfast.key'),
    WORK: work,
  };
  const filledIn = choices.replaceAll(/\b([A-Z_]+)=\S+/g, (said, name: string) =>
    values[name] === undefined ? said : `${name}='${values[name]}'`,
  );
  const script = join(folder, 'follow.sh');
  writeFileSync(script, [filledIn, ...blocks].join('\n'));
  const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', script], {
    env: { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C.UTF-8', PIP_NO_INDEX: '1' },
    maxBuffer: 1 << 26,
  });
  return stdout + stderr;
}

const listing = (root: string): string =>
  execFileSync('find', ['.', '-printf', '%P|%y|%m|%U:%G|%T@|%l|%n\\0'], { cwd: root, encoding: 'latin1' })
    .split('\0')
    .map((line) => line.replace(/(\|d\|.*)\|\d+$/s, '$1'))
    .sort()
    .join('\n');

test('any tar restores an archive, with all that the tree had', async () => {
  newPlace();
  const manifest = await backUp(join(folder, 'holdfast.yaml'), { method: 'files' });

  const printed = await follow(manifest, [...steps, ...blocksOf(files)]);

  assert.doesNotMatch(printed, /STOP/);
  assert.match(printed, /^tree-app\.tar restored$/m);
  const restored = join(folder, 'work', manifest.backupId, 'restored', 'tree-app');
  execFileSync('diff', ['--recursive', '--no-dereference', '--exclude=zero', '--exclude=fifo', source, restored]);
  assert.equal(listing(restored), listing(source));
  const attributes = (root: string) =>
    execFileSync(
      'python3',
      ['-c', 'import os; print({n: os.getxattr("readme.txt", n) for n in os.listxattr("readme.txt")})'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
  assert.equal(attributes(restored), attributes(source));
});

test('thirty lines of Python restore a chain of incremental backups', async () => {
  newPlace();
  const first = await backUp(join(folder, 'holdfast.yaml'), { method: 'incremental' });
  writeFileSync(join(source, 'large', 'added'), noise(900_000, 9));
  const second = await backUp(join(folder, 'holdfast.yaml'), { method: 'incremental' });

  assert.equal(second.parent, first.backupId);
  await follow(first, steps);
  const printed = await follow(second, [...steps, ...blocksOf(files)]);

  assert.doesNotMatch(printed, /STOP/);
  assert.match(printed, /^\d+ files restored$/m);
  const restored = join(folder, 'work', second.backupId, 'restored', 'tree-app');
  execFileSync('diff', ['--recursive', '--no-dereference', '--exclude=zero', '--exclude=fifo', source, restored]);
  assert.equal(listing(restored), listing(source));
});
