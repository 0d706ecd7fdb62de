import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ExecutionRecord } from '../../lib/local/executions/history.ts';
import { type SourceServer, sourceServer } from '../e2e/source-server.ts';
import {
  type FixtureTarget,
  leaseOf,
  manifestOf,
  type OpenStack,
  objectsUnder,
  openStack,
  type StackFolder,
  stackFolder,
  targetNames,
} from '../e2e/stack-fixture.ts';
import { collectProgress, holdLeaseLock, type Progress, seededRandom, taskProcesses, until } from './task-processes.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;
let progressOf: ReturnType<typeof collectProgress>;

before(async () => {
  server = await sourceServer(Object.fromEntries(targetNames.map((name) => [name, { noiseKilobytes: 2500 }])));
  // Some 5 MB of plain bytes in about three seconds: time enough to be killed in the middle.
  folder = await stackFolder({ server, run: { rateLimitBytesPerSecond: 2_000_000 } });
  opened = await openStack(folder);
  progressOf = collectProgress(opened);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

const said = (execution: ExecutionRecord, what: string, isWanted: (progress: Progress) => boolean) =>
  until(`${what} of '${execution.input}'`, () => progressOf(execution.arn).find(isWanted));

/** Starts a backup and gives its task's process too, which is not the only one: that of another may be at its next attempt. */
async function begin(target: FixtureTarget): Promise<{ readonly execution: ExecutionRecord; readonly pid: number }> {
  const execution = opened.backup(target);
  const pid = await until(`the task of '${execution.name}'`, () =>
    taskProcesses().find((candidate) => executionOf(candidate) === execution.name),
  );
  return { execution, pid };
}

/** The execution that the task of this process belongs to; undefined when it has ended meanwhile. */
function executionOf(pid: number): string | undefined {
  const shown = spawnSync('ps', ['eww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
  return /"execution":"([^"]+)"/.exec(shown)?.[1];
}

const runOf = async ({ arn }: ExecutionRecord) => {
  const events = await opened.stack.executions.events(arn);
  const entered = events.find(
    ({ state, type }) => state === 'Write the backup to the store' && type === 'state-entered',
  );
  assert.ok(entered);
  return (entered.input as { run: { backupId: string; target: string } }).run;
};
const statesOf = async ({ arn }: ExecutionRecord): Promise<readonly (string | undefined)[]> =>
  (await opened.stack.executions.events(arn)).filter(({ type }) => type === 'state-entered').map(({ state }) => state);
const hasManifest = (keys: readonly string[]): boolean => keys.some((key) => key.endsWith('/manifest.json'));

test('a task that is killed at any moment loses nothing, and its execution goes on to a whole backup', async () => {
  const random = seededRandom();
  const killed: { readonly execution: ExecutionRecord; readonly before: readonly string[]; readonly when: string }[] =
    [];
  const kill = async (
    target: FixtureTarget,
    when: string,
    moment: (execution: ExecutionRecord, locks: DisposableStack) => Promise<unknown>,
  ): Promise<void> => {
    const { execution, pid } = await begin(target);
    // Let go before the next attempt asks for them.
    using locks = new DisposableStack();
    await moment(execution, locks);
    process.kill(pid, 'SIGKILL');
    await until('the task is gone', () => !taskProcesses().includes(pid));
    const { backupId } = await runOf(execution);
    killed.push({ execution, before: objectsUnder(folder, `backups/${target}/${backupId}/`), when });
  };

  await kill('orders', 'as soon as it runs', async () => undefined);
  for (const target of ['stock', 'books'] as const) {
    const at = Math.floor(random() * 4_000_000);
    await kill(target, `after ${at} bytes`, (execution) =>
      said(execution, `byte ${at}`, ({ phase, bytes = 0 }) => phase === 'capture' && bytes >= at),
    );
  }
  // It does not publish while nobody has killed it yet. Not locked before, because a task renews its lease when it begins.
  const lockAfterFirstBytes = async (execution: ExecutionRecord, locks: DisposableStack, target: FixtureTarget) => {
    await said(execution, 'its first bytes', ({ phase }) => phase === 'capture');
    locks.use(holdLeaseLock(folder, target));
  };
  await kill('files', 'while it reads back', async (execution, locks) => {
    await lockAfterFirstBytes(execution, locks, 'files');
    await said(execution, 'read back', ({ phase, detail }) => phase === 'read back' && detail === 'files');
  });
  await kill('mail', 'before the manifest', async (execution, locks) => {
    await lockAfterFirstBytes(execution, locks, 'mail');
    await said(execution, 'publish', ({ phase }) => phase === 'publish');
  });

  for (const { execution, before: left, when } of killed) {
    assert.equal(hasManifest(left), false, when);
    const { run } = await opened.succeeded(execution);
    const manifest = manifestOf(folder, run);
    assert.equal(manifest.status, 'complete', when);
    assert.ok((await statesOf(execution)).includes('Wait before the next attempt'), when);
    // Nothing of the killed attempt is part of the backup, and nothing of it was touched.
    const objects = manifest.streams.flatMap((stream) => stream.objects.map(({ key }) => key));
    assert.ok(
      objects.every((key) => !left.includes(key) && key.split('/')[3] === manifest.writer.attempt),
      when,
    );
    assert.deepEqual(
      left.filter((key) => !objectsUnder(folder, 'backups/').includes(key)),
      [],
      when,
    );
    assert.equal((await opened.rowOf(execution))?.status, 'COMPLETED', when);
    assert.equal(leaseOf(folder, run.target as FixtureTarget).isReleased, true, when);
  }
  const all = killed.find(({ when }) => when === 'before the manifest')?.before ?? [];
  assert.equal(all.length, 4, `globals and three objects of the database: ${all.join(' ')}`);
});

test('a task that is asked to stop ends with 143, leaves nothing half-written, and the next run succeeds', async () => {
  const staged = (): readonly string[] => readdirSync(join(folder.store, '.store/tmp'));
  await opened.succeeded(opened.backup('orders'));
  const leftByKills = new Set(staged());
  const { execution, pid } = await begin('orders');
  await said(execution, 'two megabytes', ({ phase, bytes = 0 }) => phase === 'capture' && bytes > 2_000_000);

  process.kill(pid, 'SIGTERM');
  const record = await opened.failed(execution, 'stopped');

  const { backupId } = await runOf(record);
  const causes = (await opened.stack.executions.events(record.arn)).map(({ cause = '' }) => cause);
  assert.ok(
    causes.some((cause) => cause.includes('"ExitCode":143')),
    causes.join('\n'),
  );
  assert.equal(hasManifest(objectsUnder(folder, `backups/orders/${backupId}/`)), false);
  assert.deepEqual(
    staged().filter((name) => !leftByKills.has(name)),
    [],
  );
  const row = await opened.rowOf(record);
  assert.deepEqual(
    [row?.status, row?.errorCode, row?.errorMessage],
    ['FAILED', 'stopped', 'the task was asked to stop'],
  );
  assert.equal(leaseOf(folder, 'orders').isReleased, true);
  await opened.succeeded(opened.backup('orders'));
});
