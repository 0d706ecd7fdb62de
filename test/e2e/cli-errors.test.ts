import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { VerbDefinition } from '../../lib/cli/verb-definition.ts';
import { verbs } from '../../lib/cli/verbs.ts';
import { errorTable } from '../../lib/core/error-table.ts';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { claimedPort } from '../servers/claimed-port.ts';
import { type CliEnd, runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;
let place: string;

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 10 }, books: { noiseKilobytes: 10 } });
  await server.run('books', 'create role restricted login', "alter role restricted password 'restricted'");
  folder = await stackFolder({
    server,
    connections: {
      books: { databases: ['books', 'nowhere'] },
      files: { password: { file: './wrong-password' }, databases: ['books'] },
      mail: { user: 'restricted', databases: ['books'], password: { file: './restricted-password' } },
    },
  });
  writeFileSync(join(folder.root, 'wrong-password'), 'not it', { mode: 0o600 });
  writeFileSync(join(folder.root, 'restricted-password'), 'restricted', { mode: 0o600 });
  opened = await openStack(folder);
  await opened.succeeded(opened.backup('orders'));
  place = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  if (place) rmSync(place, { recursive: true, force: true });
  await server?.[Symbol.asyncDispose]();
});

/** A configuration file beside the real one's store and key, with one target `orders` reached by other settings. */
function configWith(name: string, connection: Readonly<Record<string, unknown>>, more: object = {}): string {
  const text = JSON.parse(readFileSync(folder.configFile, 'utf8')) as { targets: { connection: object }[] };
  const file = join(folder.root, `${name}.yaml`);
  const [target] = text.targets;
  writeFileSync(
    file,
    JSON.stringify({
      ...text,
      targets: [{ ...target, connection: { ...target?.connection, ...connection } }],
      ...more,
    }),
  );
  return file;
}

const cli = (...args: readonly string[]): Promise<CliEnd> => runCli(args, { environment: folder.environment });

/** The failure that a command ends with: as JSON on stderr with the table's exit code, and as text with a hint. */
async function isRefused(
  code: keyof typeof errorTable,
  message: RegExp,
  args: readonly string[],
  hint = /.{11}/,
): Promise<void> {
  const end = await cli(...args, '--json');
  assert.equal(end.exitCode, errorTable[code].exit, end.stderr);
  const { error } = end;
  assert.equal(error.code, code, end.stderr);
  assert.match(error.message, message);
  assert.equal(error.exitCode, errorTable[code].exit);
  assert.match(error.hint, hint);
}

test('a failure is a sentence and a hint for people, and one JSON document for programs', async () => {
  const config = ['--config', folder.configFile];

  const text = await cli('backup', 'nobody', ...config);
  const json = await cli('backup', 'nobody', ...config, '--json');

  assert.equal(text.exitCode, 11);
  assert.equal(text.stdout, '');
  assert.equal(
    text.stderr,
    "error [target-unknown] no target is called 'nobody'\nHINT: the configured targets are 'orders', 'stock', 'books', 'files', 'mail'\n",
  );
  assert.equal(json.exitCode, 11);
  assert.deepEqual(json.error, {
    code: 'target-unknown',
    message: "no target is called 'nobody'",
    hint: "the configured targets are 'orders', 'stock', 'books', 'files', 'mail'",
    exitCode: 11,
  });
});

test('a server that does not answer, a wrong password and a missing one are told apart by a probe', async () => {
  const { port } = await claimedPort();
  const cases = [
    ['source-unreachable', 20, { port }],
    ['auth-failed', 12, { password: { file: './wrong-password' } }],
    ['secret-missing', 12, { password: { file: './no-such-file' } }],
  ] as const;

  for (const [code, exitCode, connection] of cases) {
    const end = await cli('probe', 'orders', '--json', '--config', configWith(code, connection));
    const [answer] = (JSON.parse(end.stdout) as { targets: { error?: { code: string; hint: string } }[] }).targets;
    assert.equal(answer?.error?.code, code, end.stdout);
    assert.ok(answer.error.hint.length > 10);
    assert.equal(end.exitCode, exitCode, code);
  }
});

test('a backup ends with the code of what is wrong: database, password, privilege, or one part of several', async () => {
  const config = ['--config', folder.configFile];

  await isRefused('database-missing', /database "stock" does not exist/, ['backup', 'stock', ...config]);
  await isRefused('auth-failed', /password authentication failed for user/, ['backup', 'files', ...config]);
  await isRefused('privilege-missing', /permission denied for table/, ['backup', 'mail', ...config]);
  await isRefused(
    'usage',
    /has no format 'tar'$/,
    ['backup', 'orders', '--format', 'tar', ...config],
    /^its formats are custom, sql$/,
  );
  await isRefused('partial', /^1 of 3 parts failed: database 'nowhere'/, ['backup', 'books', ...config]);

  const listed = await cli('list', 'books', '--json', ...config);
  const [kept] = (JSON.parse(listed.stdout) as { backups: { backupId: string; status: string }[] }).backups;
  assert.equal(kept?.status, 'partial');
  const restored = await cli(
    'restore',
    kept.backupId,
    '--into',
    'orders',
    '--database',
    'books',
    '--as',
    'books_again',
    ...config,
  );
  assert.equal(restored.exitCode, 0, restored.stderr);
  const [said = '', why = '', how = ''] = restored.stdout.split('\n');
  assert.match(said, /^restored {2}'books' as 'books_again': /);
  assert.match(why, /^ {2}the rows that were loaded have the backup's digests, .* they were not read back$/);
  assert.equal(
    how,
    `  to have it read back: holdfast compare ${kept.backupId} --into orders --database books --with books_again`,
  );
  const compared = await cli(...how.replace(/^.*: holdfast /, '').split(' '), ...config);
  assert.equal(compared.exitCode, 0, compared.stderr + compared.stdout);
  const merging = ['--into', 'orders', '--database', 'books', '--as', 'books_again', '--on-conflict', 'skip'];
  await isRefused('usage', /^a backup of postgres is not merged/, ['restore', kept.backupId, ...merging, ...config]);
  const row = (await opened.catalog.list({ limit: 10 })).find(({ backupId }) => backupId === kept.backupId);
  assert.deepEqual([row?.status, row?.errorCode], ['FAILED', 'partial']);
  assert.ok(row?.storageLocation);
});

test('a configuration with several problems lists each with its line, and a missing one is said to be missing', async () => {
  const broken = join(place, 'broken.yaml');
  writeFileSync(
    broken,
    `store: { kind: tape }
targets:
  - name: Orders
    engine: postgres
    conection: { host: db }
    connection: { host: db, user: backup, port: many }
`,
  );

  const end = await cli('targets', '--json', '--config', broken);

  assert.equal(end.exitCode, 10);
  assert.equal(end.error.code, 'config-invalid');
  for (const word of [
    /broken\.yaml:1: store\.kind/,
    /broken\.yaml:3: targets\[0\]\.name/,
    /:5: .*unknown key 'conection'/,
    /:6: targets\[0\]\.connection\.port/,
  ])
    assert.match(end.error.message, word);
  await isRefused('config-missing', /no configuration file '.*absent\.yaml'/, [
    'targets',
    '--config',
    join(place, 'absent.yaml'),
  ]);
});

test('a lost key and a wrong key are told apart, and neither is replaced by a new one', async () => {
  const key = folder.config.encryption.keyFile;
  const args = ['validate', 'latest', '--target', 'orders', '--config', folder.configFile];
  copyFileSync(key, join(place, 'kept.key'));
  try {
    rmSync(key);
    await isRefused('key-missing', /holdfast\.key/, args);
    await isRefused('key-missing', /holdfast\.key/, [
      'restore',
      'latest',
      '--target',
      'orders',
      '--as',
      'x',
      '--database',
      'orders',
      '--config',
      folder.configFile,
    ]);
    await ensureKeyFile(key);
    await isRefused('key-wrong', /was encrypted under key/, args);
  } finally {
    rmSync(key, { force: true });
    renameSync(join(place, 'kept.key'), key);
  }
  assert.equal((await cli(...args)).exitCode, 0);
});

test('an unknown verb and an unknown option are usage errors that name them', async () => {
  const verb = await cli('bakcup');
  const option = await cli('list', '--colour', 'red');

  assert.deepEqual([verb.exitCode, option.exitCode], [2, 2]);
  assert.match(verb.stderr, /unknown command 'bakcup'/);
  assert.match(option.stderr, /unknown option '--colour'/);
  await isRefused('usage', /'yesterday' is neither a backup id nor 'latest'/, [
    'show',
    'yesterday',
    '--config',
    folder.configFile,
  ]);
  await isRefused('backup-unknown', /no complete backup of target 'mail'/, [
    'show',
    'latest',
    '--target',
    'mail',
    '--config',
    folder.configFile,
  ]);
});

test('a backup that is only to be started needs a stack that goes on', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'holdfast-no-wait-'));
  try {
    copyFileSync(folder.configFile, join(elsewhere, 'holdfast.yaml'));
    const { error } = await runCli(['backup', 'orders', '--no-wait', '--json'], { cwd: elsewhere });

    assert.equal(error.code, 'usage');
    assert.match(error.hint, /'holdfast up' in another terminal/);
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
});

test('the API tells where it is and how it is called, and its token is printed for who may read it', async () => {
  const shown = await cli('api', '--config', folder.configFile);
  const token = await cli('api', 'token', '--config', folder.configFile);
  const nowhere = await runCli(['api', '--json'], { cwd: place });

  assert.match(shown.stdout, /the API is at http:\/\/127\.0\.0\.1:\d+\/api;/);
  assert.match(shown.stdout, /curl -sS -H "authorization: Bearer \$\(npx holdfast api token\)"/);
  const answer = await fetch(`${opened.stack.statusUrl}/api/health`, {
    headers: { authorization: `Bearer ${token.stdout.trim()}` },
  });
  assert.equal(answer.status, 200);
  assert.equal(nowhere.error.code, 'function-unavailable');
});

test('the help of every verb has an example', async () => {
  const leaves = (all: readonly VerbDefinition[], path: readonly string[] = []): string[][] =>
    all.flatMap(({ usage, verbs: inner }) => {
      const here = [...path, usage.split(' ')[0] ?? ''];
      return inner ? leaves(inner, here) : [here];
    });
  mkdirSync(join(place, 'empty'));

  for (const verb of leaves(verbs)) {
    const { stdout, exitCode } = await runCli([...verb, '--help'], { cwd: join(place, 'empty') });
    assert.equal(exitCode, 0, verb.join(' '));
    assert.match(stdout, /Example:\n {2}\S*\s?.*holdfast /, verb.join(' '));
  }
});
