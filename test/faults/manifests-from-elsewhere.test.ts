import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { rebuildCatalog } from '../../lib/catalog/rebuild.ts';
import { loadConfig } from '../../lib/config/load.ts';
import { type BackupId, newOperationId, type TargetName } from '../../lib/core/ids.ts';
import { endUnendedRuns } from '../../lib/lifecycle/end-unended-runs.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { rawDirectory } from '../campaign/store-contents.ts';
import { runCli } from '../e2e/run-cli.ts';
import { type TakenBackup, takeBackup } from '../e2e/take-backup.ts';
import { run } from '../engines/postgres/run-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';

let server: PostgresServer;
let backup: TakenBackup;
let older: BackupId;
/** Backups that only a newer Holdfast can read: by their format's version, and by a field that this one does not know. */
let newerFormat: BackupId;
let newerField: BackupId;

before(async () => {
  server = await postgresServer({ major: 17 });
  await run(server, 'postgres', 'create database shop');
  await run(server, 'shop', 'create table item as select n as id from generate_series(1, 100) n');
  backup = await takeBackup(server, 'encryption: { keys: key-file }');
  older = backup.manifest.backupId;
  newerFormat = await fromTheFuture('2030-01-01T02:00:00Z', { formatVersion: 99, streams: { base: 'unheard of' } });
  newerField = await fromTheFuture('2030-01-02T02:00:00Z', { encryptedWith: 'something new' });
});
after(async () => {
  await backup?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** A copy of the backup as a newer Holdfast might have written it. */
async function fromTheFuture(at: string, changes: object): Promise<BackupId> {
  const id = newOperationId(new Date(at), '0f0f0f0f');
  const target = join(backup.folder, 'vault/backups/shop');
  await cp(join(target, older), join(target, id), { recursive: true });
  const manifest = { ...backup.manifest, backupId: id, ...changes };
  await writeFile(join(target, id, 'manifest.json'), JSON.stringify(manifest));
  return id;
}

const cli = (...args: string[]) => runCli([...args, '--config', backup.configFile], { cwd: backup.folder });

test('a listing names what only a newer Holdfast can read, and shows all others', async () => {
  const json = await cli('list', '--json');
  const forPeople = await cli('list');

  const { backups, unreadable } = JSON.parse(json.stdout) as {
    backups: { backupId: string }[];
    unreadable: { backupId: string; code: string; message: string; hint: string }[];
  };
  assert.equal(json.exitCode, 0);
  assert.deepEqual(
    backups.map(({ backupId }) => backupId),
    [older],
  );
  assert.deepEqual(
    unreadable.map(({ backupId, code }) => [backupId, code]),
    [
      [newerField, 'manifest-newer'],
      [newerFormat, 'manifest-newer'],
    ],
  );
  assert.match(unreadable[1]?.message ?? '', /has format version 99, newer than 2/);
  assert.match(unreadable[1]?.hint ?? '', /restore it with the Holdfast that wrote it, or a later one/);
  assert.match(forPeople.stdout, new RegExp(`${older}.*complete`));
  assert.match(forPeople.stdout, new RegExp(`not shown: manifest 'backups/shop/${newerFormat}/manifest.json'`));
});

test('a validation of all backups goes on behind those that it cannot open, and ends with their exit code', async () => {
  const { exitCode, stdout } = await cli('validate', '--all', '--json');

  const { validations } = JSON.parse(stdout) as {
    validations: { backupId: string; result: string; problems: { code: string }[] }[];
  };
  assert.equal(exitCode, 15);
  assert.deepEqual(
    validations.map(({ backupId, result, problems }) => [backupId, result, problems.map(({ code }) => code)]),
    [
      [older, 'PASSED', []],
      // No fault of the backups.
      [newerFormat, 'NOT_TESTABLE', ['manifest-newer']],
      [newerField, 'NOT_TESTABLE', ['manifest-newer']],
    ],
  );
});

test("'latest' is not silently an older backup, and says how to have that one", async () => {
  const latest = await cli('show', 'latest', '--target', 'shop', '--json');
  const byName = await cli('show', older, '--json');

  assert.equal(latest.exitCode, 15);
  assert.match(latest.error.message, new RegExp(`the latest backup of 'shop' may be '${newerField}'`));
  assert.match(latest.error.hint, /or name an older one: 'holdfast list --target shop'/);
  assert.equal(byName.exitCode, 0);
});

test('the older backup is restored beside them', async () => {
  const { exitCode, stderr } = await cli('restore', older, '--database', 'shop', '--as', 'shop_again', '--json');

  assert.equal(exitCode, 0, stderr);
});

test('the reconciler and a rebuild name them, go on, and neither delete nor overwrite anything of theirs', async () => {
  const config = loadConfig(backup.configFile, {});
  await using store = await closing(await openStore(config.store));
  const raw = rawDirectory(join(backup.folder, 'vault'));
  // An event of a kind that this Holdfast does not know, of the newer backup.
  const event = `journal/${newerFormat}/050-backup-gilded-20300101T020000000Z.json`;
  await mkdir(join(backup.folder, 'vault/journal', newerFormat), { recursive: true });
  await writeFile(join(backup.folder, 'vault', event), '{"event":"backup-gilded"}');
  const before = await raw.readAll();
  const warnings: string[] = [];
  const log = { warn: (line: string) => warnings.push(line) };

  // Three days after the newest, so that every run without an ending gets one.
  const written = await endUnendedRuns({ config, store, clock: () => new Date('2030-01-05T00:00:00Z'), log });
  const applied: string[] = [];
  const rebuilt = await rebuildCatalog({
    store,
    apply: async (events) => {
      applied.push(...events.map(({ operation }) => operation));
      return { applied: events.length, known: 0 };
    },
  });

  assert.equal(written, 1, 'the older backup, whose run was never recorded');
  assert.deepEqual(warnings.filter((line) => line.includes('manifest-newer')).length, 2);
  assert.deepEqual(
    rebuilt.unreadable.map(({ key }) => key),
    [
      event,
      JSON.stringify({ target: 'shop' as TargetName, id: newerFormat }),
      JSON.stringify({ target: 'shop', id: newerField }),
    ],
  );
  assert.ok(applied.includes(older));
  const now = await raw.readAll();
  for (const [key, bytes] of before) assert.ok(now.get(key)?.equals(bytes), key);
  assert.equal(String(await readFile(join(backup.folder, 'vault', event))), '{"event":"backup-gilded"}');
});

async function closing<Store extends { close(): Promise<void> }>(store: Store): Promise<Store & AsyncDisposable> {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
