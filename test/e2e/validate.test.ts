import assert from 'node:assert/strict';
import { cp, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { parseManifest } from '../../lib/core/manifest.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { runCli } from './run-cli.ts';
import { run, tool } from './shop.ts';
import { type TakenBackup, takeBackup } from './take-backup.ts';

let server: PostgresServer;
let own: TakenBackup;
let foreign: TakenBackup;

before(async () => {
  server = await postgresServer({ major: 17 });
  await run(server, 'postgres', ['create table item as select n as id from generate_series(1, 1000) n']);
  own = await takeBackup(server, 'encryption: { keys: key-file }');
  foreign = await takeBackup(server, 'encryption: { keys: key-file }');
  await cp(path.join(foreign.folder, 'vault/backups'), path.join(own.folder, 'vault/backups'), { recursive: true });
});
after(async () => {
  await own?.[Symbol.asyncDispose]();
  await foreign?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const validate = (...args: readonly string[]) => runCli(['validate', ...args, '--config', own.configFile]);

test('a backup whose key is not at hand keeps no other from being read, and is not called bad', async () => {
  const report = path.join(own.folder, 'report.json');

  const end = await validate('--all', '--json', '--report', report);

  assert.equal(end.exitCode, 14, end.stderr);
  const told = JSON.parse(await readFile(report, 'utf8')) as {
    summary: object;
    validations: { backupId: string; result: string; problems: { code: string }[] }[];
    restorablePoints: { target: string; restorable: { backupId: string } }[];
  };
  assert.deepEqual(told.summary, { PASSED: 1, FAILED: 0, NOT_TESTABLE: 1, ERROR: 0 });
  assert.deepEqual(
    told.validations.map(({ backupId, result, problems }) => [backupId, result, problems.map(({ code }) => code)]),
    [
      [own.manifest.backupId, 'PASSED', []],
      [foreign.manifest.backupId, 'NOT_TESTABLE', ['key-wrong']],
    ].sort(),
  );
  assert.deepEqual(JSON.parse(end.stdout).validations.length, 2);
});

test('a report of another kind is refused before anything is read', async () => {
  const end = await validate('--all', '--json', '--report', 'report.pdf');

  assert.deepEqual([end.exitCode, end.error.message], [2, "--report: 'report.pdf' is neither a .json nor a .md file"]);
});

test('a backup is validated by the path of its manifest, wherever its store is', async () => {
  const { target, backupId } = own.manifest;
  const elsewhere = path.join(own.folder, 'copied/elsewhere');
  await cp(
    path.join(own.folder, 'vault/backups', target, backupId),
    path.join(elsewhere, 'backups', target, backupId),
    {
      recursive: true,
    },
  );
  const manifest = path.join(elsewhere, manifestKey(target, backupId));
  const alone = path.join(own.folder, 'manifest.json');
  await writeFile(alone, await readFile(manifest));

  const whole = await validate('--file', manifest, '--json');
  const [object = ''] = parseManifest(await readFile(manifest, 'utf8'), manifest).streams.flatMap(({ objects }) =>
    objects.map(({ key }) => key),
  );
  await truncate(path.join(elsewhere, object), 100);
  const cut = await validate('--file', manifest, '--json');
  const misplaced = await validate('--file', alone, '--json');

  assert.equal(whole.exitCode, 0, whole.stderr);
  assert.equal(JSON.parse(whole.stdout).validations[0].result, 'PASSED');
  assert.equal(cut.exitCode, 15, cut.stderr);
  assert.match(cut.stdout, /has 100 bytes instead of/);
  assert.equal(misplaced.exitCode, 2);
  assert.match(misplaced.error.hint, /copy the whole folder of the backup/);
});

test("files of export and of PostgreSQL's own tools are proved whole, and one that was cut off is not", async () => {
  const output = path.join(own.folder, 'exported');
  await runCli(['export', own.manifest.backupId, '--output', output, '--config', own.configFile]);
  const plain = path.join(own.folder, 'plain.sql');
  const text = await tool(server, 'postgres', 'pg_dump', []);
  await writeFile(plain, text);
  const cut = path.join(own.folder, 'cut.sql');
  await writeFile(cut, text.slice(0, text.length / 2));
  const other = path.join(own.folder, 'other.txt');
  await writeFile(other, 'nothing of ours');
  const archive = path.join(output, 'db-postgres.dump');

  const ends = [];
  for (const file of [archive, path.join(output, 'globals.sql'), plain, cut, other])
    ends.push(await validate('--file', file, '--json'));
  await truncate(archive, 600);
  ends.push(await validate('--file', archive, '--json'));

  assert.deepEqual(
    ends.map(({ exitCode }) => exitCode),
    [0, 0, 0, 16, 2, 16],
  );
  const [whole, globals, script] = ends.slice(0, 3).map(({ stdout }) => JSON.parse(stdout));
  assert.deepEqual(
    whole.content.tables.map(({ name, rows }: { name: string; rows: number }) => [name, rows]),
    [['item', 1000]],
  );
  assert.equal(globals.format, 'pg_dumpall-globals');
  assert.equal(script.format, 'pg_dump-plain');
});
