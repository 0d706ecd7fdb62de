import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { postgresServer } from '../servers/postgres.ts';
import { runCli } from './run-cli.ts';

type Finding = { readonly about: string; readonly level: string; readonly message: string; readonly fix: string };

/** What the doctor finds with a configuration, a password file beside it, and nothing else. */
async function findings(store: object, encryption: object): Promise<{ exitCode: number | null; found: Finding[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'));
  try {
    writeFileSync(join(folder, 'password'), 'secret', { mode: 0o600 });
    const connection = {
      host: '127.0.0.1',
      port: 1,
      user: 'backup',
      password: { file: 'password' },
      sslmode: 'disable',
    };
    const config = { store, encryption, targets: [{ name: 'orders', engine: 'postgres', connection }] };
    const file = join(folder, 'holdfast.yaml');
    writeFileSync(file, JSON.stringify(config));
    // Nobody is listening there: AWS cannot be asked.
    const environment = {
      AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:1',
      AWS_ACCESS_KEY_ID: 'x',
      AWS_SECRET_ACCESS_KEY: 'x',
    };
    const { exitCode, stdout } = await runCli(['doctor', '--json', '--config', file], { environment });
    assert.equal(existsSync(join(folder, 'vault')), false, 'the doctor made the store');
    return { exitCode, found: (JSON.parse(stdout) as { findings: Finding[] }).findings };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const levels = (found: readonly Finding[]): string[] => found.map(({ about, level }) => `${about}: ${level}`);

test('before the first deployment the doctor misses neither bucket nor key, and asks the targets all the same', async () => {
  const { exitCode, found } = await findings({ kind: 's3' }, { keys: 'kms' });

  assert.deepEqual(levels(found), ['store: warning', 'key: warning', "target 'orders': error"]);
  assert.match(found[0]?.fix ?? '', /npx cdk deploy --all.*HOLDFAST_BUCKET/);
  assert.match(found[2]?.message ?? '', /source-unreachable/);
  assert.equal(exitCode, 10);
});

test('before the first backup the doctor says that it makes folder and key file', async () => {
  const { found } = await findings({ kind: 'file', path: './vault' }, { keys: 'key-file' });

  assert.deepEqual(levels(found), ['store: warning', 'key: warning', "target 'orders': error"]);
  assert.deepEqual(
    found.slice(0, 2).map(({ fix }) => fix),
    ['the first backup makes it', 'the first backup makes it'],
  );
});

test('of one target the doctor tells its settings, each with its reason, its fix and whether it takes a restart', async () => {
  await using server = await postgresServer({ major: 17 });
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'));
  try {
    writeFileSync(join(folder, 'password'), server.password, { mode: 0o600 });
    const { host, port, user } = server;
    const connection = { host, port, user, password: { file: 'password' }, sslmode: 'disable' };
    const targets = ['orders', 'other'].map((name) => ({ name, engine: 'postgres', connection }));
    const file = join(folder, 'holdfast.yaml');
    const store = { kind: 'file', path: './vault' };
    writeFileSync(file, JSON.stringify({ store, encryption: { keys: 'key-file' }, targets }));

    const { exitCode, stdout, stderr } = await runCli(['doctor', 'orders', '--json', '--config', file]);

    assert.equal(exitCode, 0, stderr);
    const told = JSON.parse(stdout) as { findings: Finding[]; settings: { settings: readonly { name: string }[] } };
    assert.deepEqual(new Set(told.findings.map(({ about }) => about)), new Set(['store', 'key', "target 'orders'"]));
    assert.deepEqual(
      told.settings.settings.find(({ name }) => name === 'archive_mode'),
      {
        group: 'wal',
        name: 'archive_mode',
        verdict: 'differs',
        current: 'off',
        wanted: 'on',
        why: 'a finished segment is handed on; turning it on later takes a restart',
        risk: 'a segment that no receiver took in time is gone for good',
        fix: "alter system set archive_mode = 'on'",
        needsRestart: true,
      },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
