import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  RedriveExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { clientSettings, localCatalog } from '../../lib/cli/local.ts';
import { findRunningStack, type RunningStack } from '../../lib/local/running-stack.ts';
import { taskProcesses, until } from '../faults/task-processes.ts';
import { runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { manifestOf, objectsUnder, type StackFolder, stackFolder } from './stack-fixture.ts';

let server: SourceServer;
let folder: StackFolder;
const running = new Set<ChildProcess>();

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 2500 } });
  folder = await stackFolder({ server, run: { rateLimitBytesPerSecond: 1_000_000 } });
});
after(async () => {
  for (const child of running) child.kill('SIGKILL');
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

type Up = { readonly child: ChildProcess; readonly stack: RunningStack; readonly ended: Promise<unknown[]> };

/** `holdfast up` as a process of its own, once it serves. */
async function up(): Promise<Up> {
  const child = spawn(
    process.execPath,
    [
      resolve(import.meta.dirname, '../../bin/holdfast.ts'),
      'up',
      '--no-job',
      '--port',
      '0',
      '--config',
      folder.configFile,
    ],
    { env: { ...process.env, ...folder.environment }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  running.add(child);
  const ended = once(child, 'close');
  ended.then(
    () => running.delete(child),
    () => {},
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  await Promise.race([
    until('it serves', () => output.includes('Ctrl-C ends it.')),
    ended.then(() => Promise.reject(new Error(`'holdfast up' ended:\n${output}`))),
  ]);
  const stack = findRunningStack(folder.stateDirectory);
  assert.ok(stack, output);
  return { child, stack, ended };
}

const client = (stack: RunningStack) => new SFNClient(clientSettings(stack));
async function start(stack: RunningStack, target: string): Promise<string> {
  const { executionArn } = await client(stack).send(
    new StartExecutionCommand({
      stateMachineArn: stack.machines['holdfast-backup'],
      input: JSON.stringify({ target }),
    }),
  );
  assert.ok(executionArn);
  return executionArn;
}
async function ended(stack: RunningStack, executionArn: string) {
  const sfn = client(stack);
  for (const giveUpAt = Date.now() + 300_000; Date.now() < giveUpAt; ) {
    const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (described.status !== 'RUNNING') return described;
    await delay(100);
  }
  throw new Error(`'${executionArn}' still runs`);
}

test('a stack that is killed during a backup ends it as stopped; it can be redriven, and the next backup succeeds', async () => {
  const first = await up();
  const arn = await start(first.stack, 'orders');
  const [task] = await until('its task', () => {
    const found = taskProcesses(first.child.pid);
    return found.length > 0 && found;
  });
  first.child.kill('SIGKILL');
  await first.ended;
  await until('the task went with its stack', () => task !== undefined && !isAlive(task));
  assert.equal(
    objectsUnder(folder, 'backups/').some((key) => key.endsWith('manifest.json')),
    false,
  );

  const second = await up();
  const stopped = await ended(second.stack, arn);
  assert.deepEqual([stopped.status, stopped.error], ['FAILED', 'Holdfast.LocalStackStopped']);

  await client(second.stack).send(new RedriveExecutionCommand({ executionArn: arn }));
  const redriven = await ended(second.stack, arn);
  assert.equal(redriven.status, 'SUCCEEDED', `${redriven.error}: ${redriven.cause}`);
  assert.equal(manifestOf(folder, JSON.parse(redriven.output ?? '{}').run).status, 'complete');
  const next = await runCli(['backup', 'orders', '--json', '--config', folder.configFile]);
  assert.equal(next.exitCode, 0, next.stderr);
  const [newest, redrivenRow, ...others] = await localCatalog(second.stack).list();
  assert.deepEqual([newest?.status, redrivenRow?.status], ['COMPLETED', 'COMPLETED']);
  // The run that was killed: its end is written down by whoever looks first.
  assert.ok(others.every(({ status }) => status === 'RUNNING' || status === 'FAILED'));

  const another = await runCli(['up', '--port', '0', '--json', '--config', folder.configFile], {
    environment: folder.environment,
  });
  assert.deepEqual([another.exitCode, another.error.code], [19, 'stack-running'], another.stderr);
  second.child.kill('SIGTERM');
  assert.deepEqual(await second.ended, [0, null]);
});

test('a run that died with its stack keeps nobody out: the stack that starts again gives its lease back', async () => {
  const first = await up();
  const arn = await start(first.stack, 'orders');
  await until('its task', () => taskProcesses(first.child.pid).length > 0);
  first.child.kill('SIGKILL');
  await first.ended;

  const second = await up();
  assert.equal((await ended(second.stack, arn)).error, 'Holdfast.LocalStackStopped');
  const next = await runCli(['backup', 'orders', '--json', '--config', folder.configFile]);
  assert.equal(next.exitCode, 0, next.stderr);

  second.child.kill('SIGTERM');
  assert.deepEqual(await second.ended, [0, null]);
});

test('a port that something else listens on is named, with what to do', async () => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };

  const end = await runCli(['up', '--port', String(port), '--json', '--config', folder.configFile], {
    environment: folder.environment,
  });
  listener.close();

  assert.equal(end.exitCode, 19, end.stderr);
  assert.equal(end.error.code, 'port-taken');
  assert.match(end.error.message, new RegExp(String(port)));
  assert.match(end.error.hint, /--port/);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
