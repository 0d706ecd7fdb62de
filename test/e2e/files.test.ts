import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '../../lib/config/load.ts';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { synthesize } from '../../lib/local/synthesize.ts';
import { makeOddTree, noise } from '../engines/application/odd-tree.ts';
import { runCli } from './run-cli.ts';
import { manifestOf, type OpenStack, openStack, type StackFolder } from './stack-fixture.ts';

let folder: StackFolder;
let opened: OpenStack;
let source: string;

before(async () => {
  folder = await filesFolder();
  source = join(folder.root, 'app');
  mkdirSync(source);
  makeOddTree(source);
  opened = await openStack(folder);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

/** An installation that protects a tree, and its own configuration. */
async function filesFolder(): Promise<StackFolder> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'));
  const configFile = join(root, 'holdfast.yaml');
  writeFileSync(
    configFile,
    `store: { kind: file, path: ./vault }
encryption: { keys: key-file }
run: { objectBytes: 2097152 }
targets:
  - name: files
    engine: application
    connection: { path: ./app, exclude: ['*.tmp'], chainLinks: 2 }
    restoreTest: { files: [{ path: readme.txt, contains: hello }, { path: large/noise.bin, minBytes: 3000000 }] }
  - { name: books, engine: application, connection: { preset: holdfast } }
  - name: mail
    engine: application
    connection: { path: /proc/sys/net/ipv4/route, include: [/flush, /gc_timeout, /max_size] }
`,
  );
  const config = loadConfig(configFile, {});
  await ensureKeyFile(config.encryption.keyFile);
  const assembly = await synthesize({ configPath: configFile, outDir: join(root, 'assemblies') });
  return {
    ...{ root, configFile, config, assembly },
    stateDirectory: join(root, '.holdfast'),
    store: join(root, 'vault'),
    environment: {},
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true, maxRetries: 3 }),
  };
}

const cli = (...args: string[]) => runCli([...args, '--config', folder.configFile]);
const sameTrees = (one: string, other: string): void => {
  execFileSync('diff', ['--recursive', '--no-dereference', '--exclude=zero', '--exclude=fifo', one, other]);
};

test('a tree goes through the state machine, is validated there, and comes back whole by the command line', async () => {
  const execution = opened.backup('files');
  const { run } = await opened.succeeded(execution);

  const manifest = manifestOf(folder, run);
  assert.deepEqual(
    manifest.streams.map(({ stream, kind, name, format }) => ({ stream, kind, name, format })),
    [{ stream: 'tree-app', kind: 'tree', name: 'app', format: 'tar' }],
  );
  assert.equal(manifest.streams[0]?.remarks, undefined);
  const row = await opened.rowOf(execution);
  assert.deepEqual([row?.method, row?.status, row?.engine], ['files', 'COMPLETED', 'application']);
  const metrics = await (await fetch(`${opened.stack.statusUrl}/metrics`)).text();
  const series = 'service="application",type="files",target="files"';
  for (const fact of ['status', 'validation_status'])
    assert.ok(metrics.includes(`\nbackup_${fact}{${series}} 1\n`), metrics);
  assert.match(metrics, new RegExp(`^backup_age_hours\\{${series}\\} 0(?:\\.[01]\\d*)?$`, 'm'));
  assert.ok(metrics.includes(`\nbackup_size_bytes{${series}} ${manifest.storedBytes}\n`));

  const copy = join(folder.root, 'copy');
  const restored = await cli('restore', 'latest', '--target', 'files', '--as', copy, '--comparison', 'full');
  assert.equal(restored.exitCode, 0, restored.stderr);
  assert.match(restored.stdout, /^restored and the same {2}'app' as '.*': 8 folders, 78 files, every file read back$/m);
  sameTrees(source, copy);
  const compared = await cli('compare', 'latest', '--target', 'files', '--with', copy);
  assert.equal(compared.exitCode, 0, compared.stderr + compared.stdout);
  appendFileSync(join(copy, 'bin', 'run'), 'x');
  const differs = await cli('compare', 'latest', '--target', 'files', '--with', copy);
  assert.equal(differs.exitCode, 17);
  assert.match(differs.stdout, /folder 'bin' has 11 bytes, in the backup 10/);
});

test('a restore over the configured tree asks for --replace, and then exchanges the whole', async () => {
  await opened.succeeded(opened.backup('files'));
  writeFileSync(join(source, 'new'), 'since then');

  const refused = await cli('restore', 'latest', '--target', 'files', '--into', 'files');
  assert.equal(refused.exitCode, 18, refused.stderr);
  assert.match(refused.stderr, /is not empty/);
  assert.ok(existsSync(join(source, 'new')));

  const { run } = await opened.succeeded(
    opened.restore({ backup: 'latest', target: 'files', into: 'files', replace: true }),
  );
  assert.ok(run);
  assert.equal(existsSync(join(source, 'new')), false);
  assert.deepEqual(
    execFileSync('sh', ['-c', 'ls -A | grep holdfast- || true'], { cwd: folder.root, encoding: 'utf8' }),
    '',
  );
});

test('incremental backups store what is new, restore from any point, and prove themselves by a restore test', async () => {
  const { run: first } = await opened.succeeded(opened.backup('files', { method: 'incremental' }));
  writeFileSync(join(source, 'large', 'added.bin'), noise(700_000, 9));
  appendFileSync(join(source, 'readme.txt'), 'more\n');
  const { run: second } = await opened.succeeded(opened.backup('files', { method: 'incremental' }));

  const [one, two] = [manifestOf(folder, first), manifestOf(folder, second)];
  assert.equal(one.parent, null);
  assert.equal(two.parent, first.backupId);
  const packs = (manifest: typeof one): number =>
    manifest.streams.find(({ kind }) => kind === 'packs')?.plainBytes ?? 0;
  assert.ok(packs(one) > 4_000_000, `${packs(one)}`);
  assert.ok(packs(two) < 710_000, `${packs(two)}`);

  const copy = join(folder.root, 'second');
  const restored = await cli('restore', second.backupId, '--as', copy);
  assert.equal(restored.exitCode, 0, restored.stderr);
  sameTrees(source, copy);
  const early = join(folder.root, 'early');
  const path = await cli('restore', first.backupId, '--as', early, '--path', 'readme.txt');
  assert.equal(path.exitCode, 0, path.stderr);
  assert.equal(readFileSync(join(early, 'readme.txt'), 'utf8'), 'hello\n');
  assert.equal(existsSync(join(early, 'bin')), false);

  await opened.succeeded(opened.restoreTest({ backup: second.backupId }));
});

test('a chain that is as long as it may be ends, and what did not change is copied in the store', async () => {
  const { run: third } = await opened.succeeded(opened.backup('files', { method: 'incremental' }));
  const { run: fourth } = await opened.succeeded(opened.backup('files', { method: 'incremental' }));

  assert.notEqual(manifestOf(folder, third).parent, null);
  const manifest = manifestOf(folder, fourth);
  assert.equal(manifest.parent, null);
  const facts = manifest.streams.find(({ kind }) => kind === 'tree')?.facts;
  assert.ok(Number(facts?.['unreadBytes']) > 3_000_000, JSON.stringify(facts));
  const copy = join(folder.root, 'fourth');
  const restored = await cli('restore', fourth.backupId, '--as', copy);
  assert.equal(restored.exitCode, 0, restored.stderr);
  sameTrees(source, copy);
});

test('no backup builds on one that a restore test has found to be bad', async () => {
  const { run: bad } = await opened.succeeded(opened.backup('files', { method: 'incremental' }));
  const { parent, streams } = manifestOf(folder, bad);
  const index = streams.find(({ kind }) => kind === 'tree')?.objects[0]?.key ?? '';
  const file = join(folder.store, index);
  chmodSync(file, 0o600);
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0, bytes.length - 64));
  await opened.failed(opened.restoreTest({ backup: bad.backupId }), 'corrupt');

  const { run } = await opened.succeeded(opened.backup('files', { method: 'incremental' }));

  assert.equal(manifestOf(folder, run).parent, parent);
});

test('a backup whose chain is broken does not pass its validation', async () => {
  const { run } = await opened.succeeded(opened.backup('files', { method: 'incremental' }));
  const { parent } = manifestOf(folder, run);
  assert.notEqual(parent, null);
  const good = await cli('validate', run.backupId);
  assert.equal(good.exitCode, 0, good.stderr + good.stdout);
  rmSync(join(folder.store, 'backups', 'files', String(parent), 'manifest.json'));

  const broken = await cli('validate', run.backupId);

  assert.notEqual(broken.exitCode, 0);
  assert.match(broken.stdout + broken.stderr, new RegExp(`no backup '${parent}'`));
});

test('a tree of which files cannot be read, or change each time, makes a partial backup with a list of them', async () => {
  // Of this folder one file may be written only, and the others have a length that is not that of their content.
  const execution = await opened.failed(opened.backup('mail'), 'partial');

  const { run } = JSON.parse(execution.cause ?? '{}') as { run?: { backupId: string } };
  const listed = await cli('list', 'mail', '--json');
  const [{ backupId = run?.backupId, status }] = (
    JSON.parse(listed.stdout) as { backups: { backupId: string; status: string }[] }
  ).backups as [{ backupId: string; status: string }];
  assert.equal(status, 'partial');
  const shown = await cli('show', String(backupId), '--target', 'mail');
  assert.match(shown.stdout, /tree 'route' lacks 3 of its files:/);
  assert.match(shown.stdout, /'flush' cannot be read \(EACCES\)/);
  assert.match(shown.stdout, /'gc_timeout' changed while it was read/);
});

test('the preset keeps the configuration itself, and no key', async () => {
  await opened.succeeded(opened.backup('books'));

  const copy = join(folder.root, 'settings');
  const restored = await cli('restore', 'latest', '--target', 'books', '--as', copy);

  assert.equal(restored.exitCode, 0, restored.stderr);
  assert.equal(readFileSync(join(copy, 'holdfast.yaml'), 'utf8'), readFileSync(folder.configFile, 'utf8'));
  assert.deepEqual(execFileSync('ls', ['-A', copy], { encoding: 'utf8' }), 'holdfast.yaml\n');
});

test('probe, health and status speak of trees', async () => {
  const probed = await cli('probe', 'files');
  assert.equal(probed.exitCode, 0, probed.stderr);
  assert.match(probed.stdout, /files: reachable, version linux .*, 1 tree, /);
  assert.match(probed.stdout, /a backup would succeed/);
  const metrics = await cli('status');
  assert.match(metrics.stdout, /files/);
});
