import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { expectedFiles } from '../../scripts/no-skips-reporter.ts';

const reporter = path.resolve(import.meta.dirname, '../../scripts/no-skips-reporter.ts');

/** The exit code and the reporter's words of a suite of one file. */
async function runSuite(
  text: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number | null; readonly said: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-skips-'));
  try {
    await writeFile(path.join(folder, 'a.test.mjs'), `import { test } from 'node:test';\n${text}\n`);
    const args = ['--test', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', 'a.test.mjs'];
    // The outer runner's variable would make the inner one report to it.
    const { NODE_TEST_CONTEXT: _, [expectedFiles]: __, ...env } = process.env;
    const { status, stdout } = spawnSync(process.execPath, args, {
      cwd: folder,
      env: { ...env, ...environment },
      encoding: 'utf8',
    });
    return { status, said: stdout.replaceAll(/ in .*?;/g, ';') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a suite whose tests all ran passes', async () => {
  assert.deepEqual(await runSuite("test('one', () => {});"), { status: 0, said: '' });
});

test('a suite with a skipped test fails and names it', async () => {
  const expected = { status: 1, said: "✖ skipped: 'two'; a test that does not run fails the suite\n" };

  assert.deepEqual(await runSuite("test('one', () => {}); test.skip('two', () => {});"), expected);
  assert.deepEqual(await runSuite("test('two', (t) => t.skip('no server'));"), expected);
});

test('a suite with a test still to do fails and names it', async () => {
  const expected = { status: 1, said: "✖ to do: 'two'; a test that does not run fails the suite\n" };

  assert.deepEqual(await runSuite("test.todo('two');"), expected);
});

test('a suite of a file none of whose tests ran fails and names the file', async () => {
  const expected = {
    status: 1,
    said: '✖ no test of b.test.mjs ran; a file without a test that it calls itself fails the suite\n',
  };

  assert.deepEqual(await runSuite("test('one', () => {});", { [expectedFiles]: 'a.test.mjs\nb.test.mjs' }), expected);
});
