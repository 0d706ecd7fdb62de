import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { childServer } from '../../lib/servers/child-server.ts';
import { processIdentity } from '../../lib/servers/process-identity.ts';
import { startWatchdog } from '../../lib/servers/watchdog.ts';

/** A launcher that ends when it is asked to, of a server that does so a second later, or not at all. */
function launched(folder: string, whenAsked: string) {
  const pidFile = path.join(folder, 'pid');
  const script = `(trap '${whenAsked}' TERM; echo $$ > /dev/null; sh -c 'echo $PPID' > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; while :; do sleep 0.1; done) &
    trap 'exit 0' TERM; while :; do sleep 0.1; done`;
  const watchdog = startWatchdog({ signal: 'KILL' });
  const server = childServer({
    program: '/bin/sh',
    args: ['-c', script],
    env: {},
    logFile: path.join(folder, 'log'),
    isLauncher: true,
    watchdog,
    isReady: async () => existsSync(pidFile),
  });
  return { server, watchdog, pid: () => Number(readFileSync(pidFile, 'utf8')) };
}

for (const { what, whenAsked, harsher } of [
  {
    what: 'a server that goes on for a while when its launcher has ended',
    whenAsked: 'sleep 1; exit 0',
    harsher: false,
  },
  { what: 'a server that does not end by itself, and is then ended', whenAsked: '', harsher: true },
])
  test(`${what} runs until it is gone, and may be started again then`, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-launched-'));
    const { server, watchdog, pid } = launched(folder, whenAsked);
    try {
      await server.start();
      const first = pid();
      assert.ok(processIdentity(first));

      const ended = server.end('SIGTERM');
      await delay(300);
      const isStillThere = processIdentity(first) !== undefined;
      await assert.rejects(server.start(), /runs already/);
      if (harsher) await server.end('SIGKILL');
      await ended;

      assert.equal(isStillThere, true);
      assert.equal(processIdentity(first), undefined);
      rmSync(path.join(folder, 'pid'));
      await server.start();
      assert.notEqual(pid(), first);
    } finally {
      await server.end('SIGKILL');
      await watchdog.release();
      rmSync(folder, { recursive: true, force: true });
    }
  });
