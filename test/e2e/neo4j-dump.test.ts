import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '../../lib/config/load.ts';
import type { TargetName } from '../../lib/core/ids.ts';
import { leaseKey, serviceKey } from '../../lib/core/object-keys.ts';
import { type StoppedService, stoppedServiceSchema } from '../../lib/core/stopped-service.ts';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { readAssembly } from '../../lib/local/assembly.ts';
import { synthesize } from '../../lib/local/synthesize.ts';
import { releaseHeldBy } from '../../lib/store/lease.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { taskProcesses, until } from '../faults/task-processes.ts';
import { requestsOf, unusedGrants } from '../privilege/audit.ts';
import { readPolicies } from '../privilege/policies.ts';
import { type Neo4jServer, neo4jServer } from '../servers/neo4j.ts';
import { type ServerControl, serverControl } from '../servers/server-control.ts';
import { manifestOf, type OpenStack, openStack, type StackFolder } from './stack-fixture.ts';

/** A Neo4j server that ECS runs, as far as the local stack knows: commands of the target stand for its one task. */
let server: Neo4jServer;
let control: ServerControl;
let folder: StackFolder;
let opened: OpenStack;
let bin: string;

const target = 'social' as TargetName;

before(async () => {
  server = await neo4jServer();
  control = await serverControl(server);
  await server.run('UNWIND range(1, 500) AS id CREATE (:Item {id: id})');
  folder = await neo4jFolder();
  opened = await openStack(folder);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  await control?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

async function neo4jFolder(): Promise<StackFolder> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'));
  bin = join(root, 'bin');
  mkdirSync(bin);
  symlinkSync(join(server.binDir, 'neo4j'), join(bin, 'neo4j'));
  // It hangs where a file of that name asks for it, and says that it does.
  writeFileSync(
    join(bin, 'neo4j-admin'),
    `#!/bin/sh
if [ "$2" = dump ] && [ -e '${bin}/hang' ]; then touch '${bin}/hangs'; exec sleep 600; fi
exec '${join(server.binDir, 'neo4j-admin')}' "$@"
`,
  );
  chmodSync(join(bin, 'neo4j-admin'), 0o755);
  const configFile = join(root, 'holdfast.yaml');
  writeFileSync(
    configFile,
    JSON.stringify({
      store: { kind: 'file', path: './vault' },
      encryption: { keys: 'key-file' },
      targets: [
        {
          name: target,
          engine: 'neo4j',
          connection: { host: '127.0.0.1', port: server.port, tls: 'disable', password: { file: './password' } },
          home: server.home,
          service: { ...control.commands, ecs: { cluster: 'graphs', service: 'social' } },
          backups: [{ tier: 'daily', method: 'dump', schedule: '0 3 * * *' }],
        },
      ],
    }),
  );
  writeFileSync(join(root, 'password'), server.password, { mode: 0o600 });
  const config = loadConfig(configFile, {});
  await ensureKeyFile(config.encryption.keyFile);
  const assembly = await synthesize({ configPath: configFile, outDir: join(root, 'assemblies') });
  return {
    ...{ root, configFile, config, assembly },
    stateDirectory: join(root, '.holdfast'),
    store: join(root, 'vault'),
    environment: { HOLDFAST_NEO4J_BIN: bin },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true, maxRetries: 3 }),
  };
}

const record = (): StoppedService =>
  stoppedServiceSchema.parse(JSON.parse(readFileSync(join(folder.store, serviceKey(target)), 'utf8')));
const startServices = async (): Promise<unknown> =>
  (await opened.invoke('StepsstartservicesFunction')) as { started: readonly string[] };
const items = async () => (await server.run('MATCH (n:Item) RETURN count(n)'))[0];
/** ECS starts a service by itself when it is told the count: here its command is run. */
const startedAgain = async (): Promise<void> => {
  await until('the service is started', () => control.told.includes('start'));
  await control.settled();
};
const start = (request: object) => opened.stack.startExecution('holdfast-backup', { target, ...request });

test('a backup stops the ECS service that runs the server, and starts it again with the count that it had', async () => {
  const { run } = await opened.succeeded(start({}));
  const manifest = manifestOf(folder, run);
  await startedAgain();

  assert.deepEqual(control.told, ['stop', 'start']);
  assert.equal(manifest.streams[0]?.facts['nodesBeforeStop'], 500);
  const { desiredCount, startedAt, holder, cluster, service } = record();
  assert.deepEqual({ desiredCount, cluster, service }, { desiredCount: 1, cluster: 'graphs', service: 'social' });
  assert.equal(holder, run.execution);
  assert.notEqual(startedAt, null);
  assert.deepEqual(await items(), [500n]);
});

test('a restore puts the dump in place while the service is stopped, and compares what answers afterwards', async () => {
  control.told.length = 0;
  await server.run('MATCH (n:Item) WHERE n.id > 10 DELETE n');

  await opened.succeeded(opened.restore({ backup: 'latest', target, into: target, replace: true }));

  assert.deepEqual(control.told, ['stop', 'start']);
  assert.deepEqual(await items(), [500n]);
});

test('a service that a killed task has left stopped is started once nobody holds its lease, by whoever looks', async () => {
  control.told.length = 0;
  writeFileSync(join(bin, 'hang'), '');
  const execution = start({});
  const entered: (string | undefined)[] = [];
  const deaf = opened.stack.executions.listen((news) => {
    if (news.kind === 'event' && news.event.type === 'state-entered') entered.push(news.event.state);
  });
  await until('the dump hangs', () => existsSync(join(bin, 'hangs')));
  for (const pid of taskProcesses()) process.kill(pid, 'SIGKILL');
  await until('the attempt was judged', () => entered.includes('Wait before the next attempt'));
  deaf();
  await opened.stack.executions.stop(execution.arn);

  const held = await startServices();
  const { startedAt, holder } = record();
  const store = await openStore(folder.config.store);
  await releaseHeldBy(store, leaseKey(target, 'dump'), { holder, clock: () => new Date() });
  await store.close();
  const released = await startServices();
  await startedAgain();

  assert.equal(startedAt, null);
  assert.deepEqual([held, released], [{ started: [] }, { started: ['social'] }]);
  assert.deepEqual(control.told, ['stop', 'start']);
  assert.notEqual(record().startedAt, null);
  assert.deepEqual(await items(), [500n]);
  rmSync(join(bin, 'hang'));
});

test('a task that is told to stop has started the service before it ends', async () => {
  control.told.length = 0;
  rmSync(join(bin, 'hangs'));
  writeFileSync(join(bin, 'hang'), '');
  const execution = start({});
  await until('the dump hangs', () => existsSync(join(bin, 'hangs')));
  for (const pid of taskProcesses()) process.kill(pid, 'SIGTERM');

  await opened.failed(execution, 'stopped');
  await startedAgain();

  assert.deepEqual(control.told, ['stop', 'start']);
  assert.deepEqual(await items(), [500n]);
});

test('the tasks of the target, and what starts services, may do what they did, and nothing more to services', async () => {
  const policies = readPolicies(readAssembly(folder.assembly), folder.config.aws.region);
  const unused = await unusedGrants(policies, requestsOf(await opened.stack.calls.read()));

  const ofServices = unused.filter(({ action }) => action.startsWith('ecs:'));
  assert.deepEqual(
    ofServices.filter(({ role }) => /TasksBackupNeo4j|TasksRestoreNeo4j|startservices/.test(role)),
    [],
  );
  const mayUpdate = policies.roles.flatMap(({ name, statements }) =>
    statements.filter(({ actions }) => actions.includes('ecs:UpdateService')).map(({ resources }) => [name, resources]),
  );
  const service = 'arn:aws:ecs:eu-central-1:000000000000:service/graphs/social';
  assert.deepEqual(
    mayUpdate.map(([, resources]) => resources),
    [[service], [service], [service]],
  );
});
