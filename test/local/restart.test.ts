import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../lib/core/errors.ts';
import { targetNameSchema } from '../../lib/core/ids.ts';
import { leaseKey } from '../../lib/core/object-keys.ts';
import { findRunningStack } from '../../lib/local/running-stack.ts';
import { processIdentity } from '../../lib/servers/process-identity.ts';
import { acquireLease } from '../../lib/store/lease.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { openToyStack, type ToyFolder, toyConfig, toyFolder } from './toy-stack.ts';

let folder: ToyFolder;

before(() => {
  folder = toyFolder();
});
after(() => folder?.[Symbol.dispose]());

async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 500 && processIdentity(pid) !== undefined; tries++) await delay(20);
  return processIdentity(pid) === undefined;
}

test('an execution whose stack was killed is failed, not running, and can be redriven; its task is gone, its lease given back', async () => {
  const child = fork(join(import.meta.dirname, 'toy-process.ts'), [folder.root, folder.assembly, folder.state]);
  const ended = once(child, 'exit').then(() => assert.fail('the stack ended'));
  await Promise.race([once(child, 'message'), ended]);
  const before = findRunningStack(folder.state);
  const pids = readFileSync(join(folder.root, 'pids'), 'utf8').split(' ').map(Number);

  // What the execution would have taken, had it been a backup.
  const settings = { kind: 'file', path: join(folder.root, 'vault') } as const;
  mkdirSync(settings.path);
  const store = await openStore(settings);
  const lease = await acquireLease(store, leaseKey(targetNameSchema.parse('toys'), 'logical'), {
    holder: 'killed',
    description: 'backup of toys',
    ttlSeconds: 900,
    clock: () => new Date(),
  });

  child.kill('SIGKILL');
  await once(child, 'exit');
  const left = findRunningStack(folder.state);
  const gone = await Promise.all(pids.map(isGone));
  const { stack } = await openToyStack(folder, { config: { ...toyConfig, store: settings } });
  const [record] = stack.executions.list();

  try {
    assert.equal(before?.pid, child.pid);
    assert.equal(left, undefined);
    assert.deepEqual(gone, [true, true]);
    assert.equal(readFileSync(join(folder.root, 'toy.log'), 'utf8'), 'asked to stop');
    assert.equal(record?.name, 'killed');
    assert.equal(record?.status, 'FAILED');
    assert.equal(record?.error, 'Holdfast.LocalStackStopped');
    assert.equal(record?.cause, 'the local stack ended before the execution did; it can be run again');
    await assert.rejects(lease.assertHeld(), { code: 'lease-lost', message: /it was released$/ });
  } finally {
    await store.close();
    await stack.close();
  }
});

test('a redrive begins at the state that failed, with its input, and counts', async () => {
  const { stack } = await openToyStack(folder, { environment: { TOY_MARK: join(folder.root, 'mark') } });
  try {
    const { arn } = stack.startExecution(
      'toy-machine',
      { name: 'Ada', fail: '', command: ['fail-once'], run: { id: 1 } },
      'redriven',
    );
    const failed = await stack.waitFor(arn);
    await stack.executions.redrive(arn);
    const redriven = await stack.waitFor(arn);

    const history = await stack.executions.events(arn);
    assert.equal(failed.status, 'FAILED');
    assert.equal(redriven.status, 'SUCCEEDED', `${redriven.error}: ${redriven.cause}`);
    assert.equal(redriven.redriveCount, 1);
    assert.deepEqual(
      history.map(({ id, type, state }) => `${id} ${type} ${state ?? ''}`.trim()),
      [
        '1 execution-started',
        '2 state-entered Ask for a greeting',
        '3 state-exited Ask for a greeting',
        '4 state-entered Work in a task',
        '5 state-failed Work in a task',
        '6 execution-failed',
        '7 execution-redriven',
        '8 state-entered Work in a task',
        '9 state-exited Work in a task',
        '10 state-entered Done',
        '11 state-exited Done',
        '12 execution-succeeded',
      ],
    );
    await assert.rejects(stack.executions.redrive(arn), { name: 'ExecutionNotRedrivable' });
  } finally {
    await stack.close();
  }
});

test('a stack that closes asks its task to stop, and the execution ends by its own failure path', async () => {
  const { stack } = await openToyStack(folder);
  const hanging = new Promise<void>((resolve) => {
    stack.executions.listen((news) => {
      if (news.kind === 'progress' && JSON.stringify(news.progress).includes('hanging')) resolve();
    });
  });
  const { arn } = stack.startExecution('toy-machine', { name: 'Ada', fail: '', command: ['hang'], run: {} });
  await hanging;

  await stack.close();

  const { stack: next } = await openToyStack(folder);
  try {
    const record = next.executions.describe(arn);
    assert.equal(record.status, 'FAILED');
    assert.equal(record.error, 'States.TaskFailed');
    assert.equal(JSON.parse(record.cause ?? '{}').Containers[0].ExitCode, 143);
  } finally {
    await next.close();
  }
});

test('a second stack on the same state folder is refused, and one on the same port is told whose it is', async () => {
  const { stack } = await openToyStack(folder);
  const port = Number(new URL(stack.statusUrl).port);
  try {
    await assert.rejects(
      openToyStack(folder),
      (error) =>
        error instanceof HoldfastError && error.code === 'stack-running' && error.message.includes(folder.state),
    );
    await assert.rejects(openToyStack({ ...folder, state: join(folder.root, 'other') }, { port }), {
      name: 'port-taken',
      message: `port '${port}' is taken by another Holdfast stack, process '${process.pid}' on '${folder.state}'`,
    });
  } finally {
    await stack.close();
  }
  assert.equal(findRunningStack(folder.state), undefined);
});
