import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { childServer } from '../../lib/servers/child-server.ts';
import { isGroupAlive } from '../../lib/servers/process-group.ts';
import { processIdentity } from '../../lib/servers/process-identity.ts';
import { startWatchdog, type Watchdog } from '../../lib/servers/watchdog.ts';
import { until } from '../until.ts';

/** A launcher that ends when it is asked to, of a server that does so when the file `go` is there. */
function launched(folder: string) {
  const file = (name: string): string => path.join(folder, name);
  const wait = 'while :; do sleep 0.05; done';
  const server = `trap 'while [ ! -e ${file('go')} ]; do sleep 0.05; done; exit 0' TERM
    sh -c 'echo $PPID' > ${file('pid.new')}; mv ${file('pid.new')} ${file('pid')}; ${wait}`;
  const watchdog = startWatchdog({ signal: 'KILL' });
  const guarded: (number | undefined)[] = [];
  const heard: Watchdog = {
    ...watchdog,
    guard(pid) {
      guarded.push(pid);
      watchdog.guard(pid);
    },
  };
  return {
    ...childServer({
      program: '/bin/sh',
      args: ['-c', `(${server}) & trap 'exit 0' TERM; ${wait}`],
      env: {},
      logFile: file('log'),
      isLauncher: true,
      watchdog: heard,
      isReady: async () => existsSync(file('pid')),
    }),
    guarded,
    pid: () => Number(readFileSync(file('pid'), 'utf8')),
    letGo: () => writeFileSync(file('go'), ''),
    async [Symbol.asyncDispose]() {
      await watchdog.release();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

for (const { what, end } of [
  { what: 'ends later than its launcher', end: async ({ letGo }: ReturnType<typeof launched>) => letGo() },
  { what: 'does not end by itself', end: async (server: ReturnType<typeof launched>) => server.end('SIGKILL') },
])
  test(`a server that ${what} is guarded until it is gone, and is not started again before`, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-launched-'));
    await using server = launched(folder);
    await server.start();
    const [pid, [leader = 0]] = [server.pid(), server.guarded];

    const ended = server.end('SIGTERM');
    await until(async () => processIdentity(-leader) === undefined, 'the launcher to end');
    await assert.rejects(server.start(), /runs already/);
    const [wasThere, guardedThen] = [processIdentity(pid) !== undefined, [...server.guarded]];
    await end(server);
    await ended;

    assert.deepEqual([wasThere, guardedThen], [true, [leader]]);
    assert.equal(processIdentity(pid), undefined);
    assert.deepEqual(server.guarded, [leader, undefined]);
    rmSync(path.join(folder, 'pid'));
    await server.start();
    assert.notEqual(server.pid(), pid);
    await server.end('SIGKILL');
  });

test('what has ended and nobody takes note of is not alive', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-zombie-'));
  const go = path.join(folder, 'go');
  // The shell becomes `sleep`, which does not ask how its child ended.
  const child = `echo \\$\\$; while [ ! -e ${go} ]; do sleep 0.05; done`;
  const parent = spawn('/bin/sh', ['-c', `setsid sh -c "${child}" & exec sleep 600`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const leader = Number(line);

    assert.equal(isGroupAlive(leader), true);
    writeFileSync(go, '');
    await until(async () => !isGroupAlive(leader), 'it to be gone');
    // A signal still finds it.
    assert.equal(process.kill(-leader, 0), true);
  } finally {
    parent.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});
