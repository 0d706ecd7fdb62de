import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

const root = path.resolve(import.meta.dirname, '../..');
const bootstrap = path.join(root, 'scripts/bootstrap.mjs');

let folder: string;
before(() => {
  // In the clone, because the bootstrap takes a script by its place there.
  folder = mkdtempSync(path.join(root, 'node_modules/.holdfast-test-'));
});
after(() => rmSync(folder, { recursive: true }));

function script(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return path.relative(root, file);
}

test('the script gets Node 24, its arguments, the folder it was called in, and gives its exit code', () => {
  const text = `console.log(parseInt(process.versions.node) >= 24, process.argv.slice(2), process.cwd()); process.exit(17);`;

  const { status, stdout } = spawnSync('node', [bootstrap, script('a.mjs', text), '--once', 'a b'], {
    cwd: '/',
    encoding: 'utf8',
  });

  assert.equal(stdout, "true [ '--once', 'a b' ] /\n");
  assert.equal(status, 17);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`the script is told of ${signal}, and may end as it likes`, async () => {
    const text = `process.on('${signal}', () => process.exit(42)); setInterval(() => {}, 1000); console.log('ready');`;
    const child = spawn('node', [bootstrap, script(`${signal}.mjs`, text)], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(createInterface({ input: child.stdout }), 'line');

    child.kill(signal);
    const [code] = await once(child, 'exit');

    assert.equal(code, 42);
  });
}

test('a script that is not there is a failure', () => {
  const { status } = spawnSync('node', [bootstrap, 'scripts/absent.ts'], { stdio: 'ignore' });

  assert.equal(status, 1);
});
