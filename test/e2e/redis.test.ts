import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '../../lib/config/load.ts';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { synthesize } from '../../lib/local/synthesize.ts';
import { type RedisServer, redisServer } from '../servers/redis.ts';
import { runCli } from './run-cli.ts';
import { manifestOf, type OpenStack, openStack, type StackFolder } from './stack-fixture.ts';

let server: RedisServer;
let folder: StackFolder;
let opened: OpenStack;

before(async () => {
  server = await redisServer('redis-8');
  await server.ask('SET', 'greeting', 'hello');
  const root = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'));
  const configFile = join(root, 'holdfast.yaml');
  writeFileSync(
    configFile,
    `store: { kind: file, path: ./vault }
encryption: { keys: key-file }
targets:
  - { name: cache, engine: redis, connection: { host: 127.0.0.1, port: ${server.port}, sslmode: disable } }
`,
  );
  const config = loadConfig(configFile, {});
  await ensureKeyFile(config.encryption.keyFile);
  folder = {
    ...{ root, configFile, config },
    assembly: await synthesize({ configPath: configFile, outDir: join(root, 'assemblies') }),
    stateDirectory: join(root, '.holdfast'),
    store: join(root, 'vault'),
    environment: {},
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true, maxRetries: 3 }),
  };
  opened = await openStack(folder);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

test('a Redis server goes through the state machine, comes back, and its figures are those of a service like any other', async () => {
  const { run } = await opened.succeeded(opened.stack.startExecution('holdfast-backup', { target: 'cache' }));
  const manifest = manifestOf(folder, run);
  const metrics = await (await fetch(`${opened.stack.statusUrl}/metrics`)).text();
  await server.ask('FLUSHALL');

  await opened.succeeded(opened.restore({ backup: 'latest', target: 'cache', into: 'cache' }));

  const series = 'service="redis",type="snapshot",target="cache"';
  for (const fact of ['status', 'validation_status'])
    assert.ok(metrics.includes(`\nbackup_${fact}{${series}} 1\n`), metrics);
  assert.match(metrics, new RegExp(`^backup_age_hours\\{${series}\\} 0(?:\\.[01]\\d*)?$`, 'm'));
  assert.ok(metrics.includes(`\nbackup_size_bytes{${series}} ${manifest.storedBytes}\n`));
  assert.equal(String(await server.ask('GET', 'greeting')), 'hello');
});

test('nothing is called the same that was not compared', async () => {
  const cli = (...args: string[]) =>
    runCli(['restore', 'latest', '--target', 'cache', ...args, '--config', folder.configFile]);
  await opened.succeeded(opened.stack.startExecution('holdfast-backup', { target: 'cache' }));

  const merged = await cli('--on-conflict', 'skip');
  const replaced = await cli('--into', 'cache', '--replace', '--comparison', 'full');

  assert.match(merged.stdout, /^restored {2}'server' as 'server': 0 types, 0 keys$/m);
  assert.match(merged.stdout, /^ {2}1 keys were there already, and were left as they are$/m);
  assert.match(replaced.stdout, /^restored and the same {2}'server' as 'server': 1 type, 1 key, every key read back$/m);
});
