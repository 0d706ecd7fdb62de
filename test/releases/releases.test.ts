import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCli } from '../e2e/run-cli.ts';
import { tool } from '../e2e/shop.ts';
import { run } from '../engines/postgres/run-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';

/** What a release wrote (write-release-store.ts), and what has to come out of it for ever. */
type Expected = {
  readonly name: string;
  readonly backupId: string;
  readonly tables: readonly { digest: string; rows: number }[];
};

const fixtures = join(import.meta.dirname, 'fixtures');
const releases = readdirSync(fixtures);
const expectedOf = (release: string): readonly Expected[] =>
  JSON.parse(readFileSync(join(fixtures, release, 'expected.json'), 'utf8')) as Expected[];

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server?.[Symbol.asyncDispose]());

/** An installation of this version on a copy of the release's store. */
async function installation(release: string, name: string) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-release-'));
  const from = join(fixtures, release, name);
  await cp(join(from, 'store'), join(folder, 'store'), { recursive: true });
  const keyFile = join(folder, 'holdfast.key');
  const isEncrypted = existsSync(join(from, 'key-file.json'));
  if (isEncrypted) {
    await cp(join(from, 'key-file.json'), keyFile);
    await chmod(keyFile, 0o600);
  }
  await writeFile(join(folder, 'password'), server.password, { mode: 0o600 });
  const configFile = join(folder, 'holdfast.yaml');
  await writeFile(
    configFile,
    `store: { kind: file, path: ./store }
encryption: { keys: ${isEncrypted ? 'key-file' : 'none'} }
targets:
  - name: shop
    engine: postgres
    connection: { host: ${server.host}, port: ${server.port}, user: ${server.user}, password: { file: ./password }, sslmode: disable }
`,
  );
  return {
    cli: (...args: string[]) =>
      runCli([...args, '--config', configFile], { environment: { HOLDFAST_PG_BIN: server.binDir } }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

test('there is a store of a release to restore', () => {
  assert.ok(releases.includes('0.1.0'), releases.join(', '));
});

for (const release of releases) {
  for (const { name, backupId, tables } of expectedOf(release)) {
    test(`what version ${release} wrote (${name}) is listed, found whole, and restored`, async () => {
      await using place = await installation(release, name);
      const copy = `restored_${release.replaceAll('.', '_')}_${name.replaceAll('-', '_')}`;

      const listed = await place.cli('list', '--json');
      const validated = await place.cli('validate', '--all', '--json');
      const shown = await place.cli('show', backupId, '--json');
      const restored = await place.cli('restore', backupId, '--database', 'shop', '--as', copy, '--json');

      assert.deepEqual(
        (JSON.parse(listed.stdout) as { backups: { backupId: string }[] }).backups.map((backup) => backup.backupId),
        [backupId],
      );
      assert.equal(validated.exitCode, 0, validated.stderr);
      const manifest = JSON.parse(shown.stdout) as {
        streams: { name: string; content?: { tables: Expected['tables'] } }[];
      };
      assert.deepEqual(manifest.streams.find((stream) => stream.name === 'shop')?.content?.tables, tables);
      assert.equal(restored.exitCode, 0, restored.stderr);
      const question = 'select count(*), sum(price), (select count(*) from pg_largeobject) from item';
      const answer = await tool(server, copy, 'psql', ['-X', '-A', '-t', '-c', question]);
      assert.equal(answer.trim(), '200|25125.00|1');
      await run(server, 'postgres', `drop database ${copy}`);
    });
  }
}
