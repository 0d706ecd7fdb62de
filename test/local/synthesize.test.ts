import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readAssembly } from '../../lib/local/assembly.ts';
import { readModel } from '../../lib/local/read-model.ts';
import { synthesize } from '../../lib/local/synthesize.ts';

let folder: string;
let outDir: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-synthesis-'));
  outDir = join(folder, 'assemblies');
});
after(() => rmSync(folder, { recursive: true, force: true }));

const config = `
store: { kind: file, path: ./vault }
encryption: { keys: kms }
targets:
  - name: orders
    engine: postgres
    connection: { host: /tmp, user: backup }
`;

test("the app's assembly is made once for its inputs, and all of it is known to the local stack", async () => {
  const configPath = join(folder, 'holdfast.yaml');
  writeFileSync(configPath, config);
  const syntheses: true[] = [];
  const options = { configPath, outDir, onSynthesis: () => syntheses.push(true) };

  const first = await synthesize(options);
  const second = await synthesize(options);
  const model = readModel(readAssembly(first), {
    region: 'eu-central-1',
    socketRoot: '/tmp/sockets',
    functionUrlBase: 'http://127.0.0.1:8084/functions',
    queueUrlBase: 'http://127.0.0.1:9',
  });

  assert.equal(second, first);
  assert.equal(syntheses.length, 1);
  assert.deepEqual(readdirSync(outDir).length, 1);
  assert.deepEqual(
    model.machines.map(({ name }) => name),
    [
      'holdfast-backup',
      'holdfast-restore',
      'holdfast-recovery',
      'holdfast-restore-test',
      'holdfast-cleanup',
      'holdfast-health-check',
    ],
  );
  assert.equal(model.databases.length, 1);
});

test('a configuration that the app refuses is its own error, and leaves no assembly', async () => {
  const configPath = join(folder, 'broken.yaml');
  writeFileSync(configPath, `${config}colour: red\n`);

  await assert.rejects(synthesize({ configPath, outDir }), { name: 'config-invalid', message: /unknown key 'colour'/ });

  assert.equal(readdirSync(outDir).length, 1);
});

test('what programs have left behind of an assembly that was removed is no assembly', async () => {
  const options = { configPath: join(folder, 'holdfast.yaml'), outDir };
  const first = await synthesize(options);
  rmSync(first, { recursive: true });
  mkdirSync(join(first, 'compiled'), { recursive: true });

  assert.equal(await synthesize(options), first);
  assert.equal(existsSync(join(first, 'manifest.json')), true);
});
