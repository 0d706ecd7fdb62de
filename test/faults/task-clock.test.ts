import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ensureFaketime } from '../../scripts/servers/faketime.ts';
import { type SourceServer, sourceServer } from '../e2e/source-server.ts';
import { leaseOf, manifestOf, type OpenStack, openStack, type StackFolder, stackFolder } from '../e2e/stack-fixture.ts';
import { collectProgress, until } from './task-processes.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;
let progressOf: ReturnType<typeof collectProgress>;
/** How far the clocks of tasks and their children are off, which they look up every time that they ask for the time. A task is a machine of its own. */
let offBy: (offset: string) => void;

before(async () => {
  const faketime = await ensureFaketime(() => {});
  server = await sourceServer({ orders: { noiseKilobytes: 1500 } });
  folder = await stackFolder({ server, run: { rateLimitBytesPerSecond: 1_000_000 } });
  const file = join(folder.root, 'clock');
  offBy = (offset) => writeFileSync(file, `${offset}\n`);
  offBy('+0');
  giveTasks(folder, {
    LD_PRELOAD: faketime,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  });
  opened = await openStack(folder);
  progressOf = collectProgress(opened);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

const hours = (from: string | Date, to: string): number =>
  Math.round((Date.parse(to) - new Date(from).getTime()) / 3_600_000);

test('tasks whose clocks are an hour ahead, and then an hour behind, take whole backups one after the other', async () => {
  const realBegin = new Date();
  offBy('+3600');
  const { run: ahead } = await opened.succeeded(opened.backup('orders'));
  offBy('-3600');
  const { run: behind } = await opened.succeeded(opened.backup('orders'));
  offBy('+0');
  const { run: right } = await opened.succeeded(opened.backup('orders'));

  const manifests = [ahead, behind, right].map((run) => manifestOf(folder, run));
  assert.deepEqual(
    manifests.map(({ beganAt }) => hours(realBegin, beganAt)),
    [1, -1, 0],
  );
  assert.deepEqual(
    manifests.map(({ status }) => status),
    ['complete', 'complete', 'complete'],
  );
  // Kept for 28 days by the clock that made it: an hour more or less, and never none.
  assert.deepEqual(
    manifests.map(({ beganAt, retention }) => hours(beganAt, retention.until)),
    [28 * 24, 28 * 24, 28 * 24],
  );
  assert.deepEqual(
    manifests.map(({ writer }) => writer.fencingToken),
    [1, 2, 3],
  );
  assert.equal(leaseOf(folder, 'orders').isReleased, true);
});

for (const [what, offset, expectedHours] of [
  ['ahead, past the end of its lease', '+3600', 1],
  ['back, before its own beginning', '-3600', -1],
] as const) {
  test(`a clock that jumps an hour ${what}, during a run leaves one whole backup, recorded and released`, async () => {
    const execution = opened.backup('orders');
    await until('some bytes', () =>
      progressOf(execution.arn).find(({ phase, bytes = 0 }) => phase === 'capture' && bytes > 300_000),
    );

    offBy(offset);
    const { run } = await opened.succeeded(execution).finally(() => offBy('+0'));

    const manifest = manifestOf(folder, run);
    const row = await opened.rowOf(execution);
    assert.equal(manifest.status, 'complete');
    assert.equal(hours(manifest.beganAt, manifest.endedAt), expectedHours);
    assert.equal(hours(manifest.beganAt, manifest.retention.until), 28 * 24);
    assert.equal(row?.status, 'COMPLETED');
    assert.ok(Number(row?.durationSeconds) >= 0);
    assert.equal(leaseOf(folder, 'orders').isReleased, true);
  });
}

/** Adds variables to the environment that the templates give to tasks. */
function giveTasks({ assembly }: StackFolder, variables: Readonly<Record<string, string>>): void {
  type Container = { Environment?: { Name: string; Value: string }[] };
  type Template = { Resources: Record<string, { Type: string; Properties: { ContainerDefinitions: Container[] } }> };
  for (const file of globSync('*.template.json', { cwd: assembly })) {
    const template = JSON.parse(readFileSync(join(assembly, file), 'utf8')) as Template;
    for (const { Type, Properties } of Object.values(template.Resources)) {
      if (Type !== 'AWS::ECS::TaskDefinition') continue;
      for (const container of Properties.ContainerDefinitions)
        container.Environment = [
          ...(container.Environment ?? []),
          ...Object.entries(variables).map(([Name, Value]) => ({ Name, Value })),
        ];
    }
    writeFileSync(join(assembly, file), JSON.stringify(template));
  }
}
