import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { explainPipeline } from '../../lib/pipeline/explain.ts';
import { defaultPipelineSettings } from '../../lib/pipeline/settings.ts';
import { memoryCgroup } from './memory-cgroup.ts';
import { type TaskScene, taskScene } from './task-scene.ts';

const mebibyte = 1024 ** 2;

let scene: TaskScene;
before(async () => {
  scene = await taskScene();
});
after(() => scene?.[Symbol.asyncDispose]());

test('a task that the kernel kills for its memory was killed, and says which setting gives it more; the next run succeeds', async () => {
  await using world = await scene.open({ source: 'long' });
  using little = memoryCgroup(64 * mebibyte);

  const played = await world.night('tonight', { task: { launcher: little.launcher } });

  await world.nothingPublished(played, 'task-killed');
  assert.ok(little.killed >= 3, `${little.killed} were killed`);
  assert.equal(played.attempts, 3);
  assert.match(played.failure?.message ?? '', /killed \(SIGKILL\): out of memory/);
  assert.match(played.failure?.hint ?? '', /aws\.taskMemoryMiB/);
  await world.whole(await world.night('next'));
});

test('a task whose heap is full was killed too', async () => {
  await using world = await scene.open();

  const played = await world.night('tonight', { task: { environment: { NODE_OPTIONS: '--max-old-space-size=10' } } });

  await world.nothingPublished(played, 'task-killed');
  assert.match(played.failure?.message ?? '', /ended by SIGABRT: it crashed, or ran out of memory/);
});

test('the pipeline keeps to the memory that its formula says, under a limit just above it', async () => {
  const { totalBytes } = explainPipeline(defaultPipelineSettings);
  using enough = memoryCgroup(Math.ceil(totalBytes * 1.05));
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-memory-'));
  const program = resolve(import.meta.dirname, '../../bench/pipeline-run.ts');
  const [launcher = '', ...first] = enough.launcher;

  const child = spawn(launcher, [
    ...first,
    process.execPath,
    program,
    'pipeline-store',
    String(768 * mebibyte),
    folder,
  ]);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  rmSync(folder, { recursive: true });

  assert.equal(code, 0, stderr);
  assert.equal((JSON.parse(stdout) as { bytes: number }).bytes, 805_306_368);
  assert.equal(enough.killed, 0);
});
