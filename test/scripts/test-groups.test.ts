import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { root } from '../../scripts/source-files.ts';
import { groupTestFiles, writeGroupPrograms } from '../../scripts/test-groups.ts';

const cdk = "import 'aws-cdk-lib';";

/** A folder inside the project with test files of these names and texts. */
function folderOf(t: TestContext, texts: Readonly<Record<string, string>>): string {
  mkdirSync(path.join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(path.join(root, '.cache/groups-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(texts))
    writeFileSync(path.join(folder, name), `import { test } from 'node:test';\n${text}\n`);
  return path.relative(root, folder);
}

test('files share as many processes as asked for, those that load the CDK apart from the rest', (t) => {
  const plain = "test('plain', () => {});";
  const folder = folderOf(t, { 'a.ts': plain, 'b.ts': cdk, 'c.ts': plain, 'd.ts': "import './b.ts';", 'e.ts': plain });
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => `${folder}/${name}.ts`) as [string, ...string[]];

  const grouped = groupTestFiles([a, b, c, d, e] as string[], 2);

  assert.deepEqual(grouped, { groups: [[b], [d], [a, e], [c]], alone: [] });
});

for (const [what, text] of Object.entries({
  'has a hook for the whole of it': 'before(() => {});',
  'changes a variable of the environment': "test('a', () => {\n  process.env['LANG'] = 'C';\n});",
  'changes the working folder': "test('a', () => process.chdir('/'));",
  'handles signals': "test('a', () => process.on('SIGTERM', () => {}));",
  'replaces a global': "test('a', () => {\n  globalThis.fetch = undefined;\n});",
  mocks: "test('a', (t) => t.mock.timers.enable());",
  'compares with snapshots': "test('a', (t) => t.assert.snapshot(1));",
  'bundles the programs': "import '../../lib/constructs/kept-programs.ts';",
})) {
  test(`a file that ${what} has a process of its own, as one has that imports it`, (t) => {
    const folder = folderOf(t, { 'a.ts': text, 'b.ts': "import './a.ts';", 'c.ts': "test('c', () => {});" });
    const [a, b, c] = [`${folder}/a.ts`, `${folder}/b.ts`, `${folder}/c.ts`];

    const { groups, alone } = groupTestFiles([a, b, c], 1);

    const bundles = what === 'bundles the programs';
    assert.deepEqual({ groups, alone }, { groups: [bundles ? [b, c] : [c]], alone: bundles ? [a] : [a, b] });
  });
}

/** Runs the files as one group under Node's runner. */
function runGroup(t: TestContext, texts: Readonly<Record<string, string>>) {
  const folder = folderOf(t, texts);
  const files = Object.keys(texts).map((name) => `${folder}/${name}`);
  const [program = ''] = writeGroupPrograms([files], path.join(root, folder));
  // The outer runner's variable would make the inner one report to it.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', program], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  return { status, stdout };
}

test('the tests of a group all run, in one process, and each is told with its own file', (t) => {
  const { status, stdout } = runGroup(t, {
    'a.mjs': "test('one', () => {\n  globalThis.seen = 1;\n});",
    'b.mjs':
      "test('two', () => {\n  if (globalThis.seen !== 1) throw new Error('another process');\n});\ntest('three', () => {\n  throw new Error('wrong');\n});",
  });

  assert.equal(status, 1);
  assert.match(stdout, /^ok 1 - one$/m);
  assert.match(stdout, /^ok 2 - two$/m);
  assert.match(stdout, /^not ok 3 - three$/m);
  assert.match(stdout, /location: '[^']*b\.mjs:5:1'/);
});

test('a file of a group that cannot be loaded fails under its name, and the others run', (t) => {
  const { status, stdout } = runGroup(t, { 'a.mjs': "import './missing.ts';", 'b.mjs': "test('two', () => {});" });

  assert.equal(status, 1);
  assert.match(stdout, /^not ok 1 - \.cache\/groups-\w+\/a\.mjs can be loaded$/m);
  assert.match(stdout, /^ok 2 - two$/m);
});

test('a test that leaves the process changed fails, and the next one does not', (t) => {
  const { status, stdout } = runGroup(t, {
    'a.mjs': "test('one', () => Object.assign(process.env, { LANG: 'x' }));\ntest('two', () => {});",
  });

  assert.equal(status, 1);
  assert.match(stdout, /^not ok 1 - one$/m);
  assert.match(stdout, /failed running afterEach hook/);
  assert.match(stdout, /^ok 2 - two$/m);
});

test('a group whose process ends before its last test fails', (t) => {
  const { status, stdout } = runGroup(t, {
    'a.mjs': "test('one', () => process['exit'](0));\ntest('two', () => {});",
  });

  assert.equal(status, 1);
  assert.match(stdout, /the process ended before the tests of/);
});
