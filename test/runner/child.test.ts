import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openChild } from '../../lib/runner/child.ts';

const shell = (script: string, options: { signal?: AbortSignal; graceSeconds?: number } = {}) =>
  openChild({
    program: '/bin/sh',
    args: ['-c', script],
    env: { PATH: process.env['PATH'] ?? '' },
    signal: options.signal ?? new AbortController().signal,
    ...(options.graceSeconds !== undefined && { graceSeconds: options.graceSeconds }),
  });

test('a child gives its output, its exit code and its last words', async () => {
  const child = shell('cat; echo trouble >&2; exit 3');
  child.stdin.end('input');

  assert.equal(await text(child.stdout), 'input');
  assert.deepEqual(await child.ended, { code: 3, signal: null });
  assert.equal(child.stderr(), 'trouble\n');
});

test('of a long error output the end is kept', async () => {
  const child = shell(`head -c 1000000 /dev/zero | tr '\\0' x >&2; echo the end >&2`);
  child.stdout.resume();

  await child.ended;

  assert.equal(child.stderr().length, 16384);
  assert.match(child.stderr(), /xthe end\n$/);
});

test('a program that is not there is a missing tool', async () => {
  const child = openChild({ program: '/no/such/program', args: [], env: {}, signal: new AbortController().signal });

  await assert.rejects(child.ended, { code: 'tool-missing' });
});

test('an aborted child goes with all that it started, even what ignores the interrupt', async () => {
  const stop = new AbortController();
  // The sleep inherits that SIGINT is ignored, and holds the pipes when the shell is gone.
  const child = shell("trap '' INT; sleep 1000 & trap - INT; echo ready; wait", {
    signal: stop.signal,
    graceSeconds: 0.1,
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));

  stop.abort();

  assert.notEqual((await child.ended).code, 0);
});

test('a child that does not listen is killed after the grace time', async () => {
  const child = shell(`trap '' INT; echo ready; while :; do sleep 1; done`, { graceSeconds: 0.1 });
  await new Promise((resolve) => child.stdout.once('data', resolve));

  await child.stop();

  assert.equal((await child.ended).signal, 'SIGKILL');
});

test('stopping a child that has ended does nothing', async () => {
  const child = shell('exit 0');
  child.stdout.resume();
  await child.ended;

  await child.stop();
  await child.stop();
});

test('a child does not outlive a process that is killed, even one that waits and writes nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-child-'));
  const held = join(folder, 'held');
  execFileSync('mkfifo', [held]);
  const parent = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { openChild } from ${JSON.stringify(new URL('../../lib/runner/child.ts', import.meta.url).href)};
      const { signal } = new AbortController();
      const child = openChild({ program: '/bin/sh', env: { PATH: '/usr/bin:/bin' }, signal,
        args: ['-c', 'read begin; exec 3>"$0"; echo waiting >&3; exec sleep 1000', ${JSON.stringify(held)}] });
      child.stdin.write('begin\\n');`,
    ],
    { stdio: 'ignore' },
  );
  const holder = createReadStream(held, 'utf8');
  await once(holder, 'data');

  parent.kill('SIGKILL');

  // The end of the pipe that only the child has open is the end of the child.
  await once(holder.resume(), 'end');
  rmSync(folder, { recursive: true });
});
