import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { ensureDebianPrograms } from '../../scripts/servers/debian-programs.ts';
import { ensurePythonPackages } from '../../scripts/servers/python-packages.ts';
import { temporaryFolder } from '../engines/postgres/base/temporary-folder.ts';
import { combineBackups, startUnpacked, verifyBackup } from '../engines/postgres/base/unpack-base.ts';
import { run, session } from '../engines/postgres/run-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { backUp, type TakenBackup, takeBackup } from './take-backup.ts';

const document = await readFile(new URL('../../docs/restore-without-holdfast.md', import.meta.url), 'utf8');
const blocksOf = (text: string, words: string): string[] =>
  [...text.matchAll(/^```sh([a-z ]*)\n([\s\S]*?)^```$/gm)].flatMap(([, own = '', block = '']) =>
    own.trim() === words ? [block] : [],
  );
/** Steps 1 to 4, and those of base backups. */
const commands = [...blocksOf(document.slice(0, document.indexOf('## 5.')), ''), ...blocksOf(document, 'base')];

let venv: string;
before(async () => {
  const progress = (line: string) => console.error(line);
  await ensureDebianPrograms({ jq: 'jq', zstd: 'zstd', openssl: 'openssl' }, progress);
  venv = await ensurePythonPackages(/pip install --quiet (.+)/.exec(document)?.[1]?.split(' ') ?? [], progress);
});

/** Runs the commands, their choices filled in, on one backup of the store; resolves with what they printed. */
async function follow(
  server: PostgresServer,
  { folder }: TakenBackup,
  { backupId, target }: TakenBackup['manifest'],
  data: string,
): Promise<string> {
  const work = path.join(folder, backupId);
  await mkdir(work);
  await symlink(venv, path.join(work, 'venv'));
  const values: Readonly<Record<string, string>> = {
    STORE: path.join(folder, 'vault'),
    TARGET: target,
    BACKUP: backupId,
    KEY_FILE: path.join(folder, 'holdfast.key'),
    WORK: work,
    DATA: data,
  };
  const script = path.join(work, 'follow.sh');
  await writeFile(
    script,
    commands
      .join('\n')
      .replaceAll(/^([A-Z_]+)=\S+/gm, (line, name: string) =>
        values[name] === undefined ? line : `${name}='${values[name]}'`,
      ),
  );
  const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', script], {
    env: { PATH: `${server.binDir}:${process.env['PATH']}`, HOME: folder, LC_ALL: 'C.UTF-8', PIP_NO_INDEX: '1' },
  });
  return stdout + stderr;
}

test("the document's commands and PostgreSQL's own programs bring a cluster back, and a chain of backups", async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await postgresServer({ major: 17, settings: { summarize_wal: 'on' } }));
  await run(server, 'postgres', `create tablespace elsewhere location '${temporaryFolder(stack)}'`);
  await run(
    server,
    'postgres',
    'create table placed tablespace elsewhere as select * from generate_series(1, 1000) id',
  );
  const wanted = { method: 'base', format: 'base' } as const;
  const backup = stack.use(await takeBackup(server, 'encryption: { keys: key-file }', wanted));
  await run(server, 'postgres', 'insert into placed values (1001)');
  const second = await backUp(backup.configFile, { method: 'incremental', format: 'blocks' });
  const places = temporaryFolder(stack);
  const [base, incremental] = [path.join(places, 'base'), path.join(places, 'incremental')];

  const ofBase = await follow(server, backup, backup.manifest, base);
  const ofSecond = await follow(server, backup, second, incremental);

  assert.doesNotMatch(ofBase + ofSecond, /STOP/);
  assert.match(ofBase, /backup successfully verified\n.*base can be started/);
  assert.match(ofSecond, new RegExp(`backup successfully verified\nthis backup builds on ${backup.manifest.backupId}`));
  const combined = await combineBackups(server.binDir, [base, incremental], path.join(places, 'combined'));
  assert.match(await verifyBackup(server.binDir, combined), /backup successfully verified/);
  for (const [data, count] of [
    [base, 1000],
    [combined, 1001],
  ] as const) {
    await using copy = await startUnpacked(data, 17);
    await using client = await session(copy, 'postgres');
    const { rows } = await client.query('select count(*)::int as count from placed');
    assert.deepEqual(rows, [{ count }]);
  }
});
