import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
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
