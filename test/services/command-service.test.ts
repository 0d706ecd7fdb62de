import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { until } from '../until.ts';

test('a server that the guard has started again, since the task was killed, can be stopped like any other', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-service-'));
  const pidFile = path.join(folder, 'pid');
  const server = 'echo $$ > "$1.new"; mv "$1.new" "$1"; exec sleep 600';
  const program = path.join(import.meta.dirname, 'stop-and-wait.ts');
  try {
    const task = spawn(process.execPath, [program, 'sh', '-c', server, 'server', pidFile], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(task.stdout, 'data');

    task.kill('SIGKILL');
    await until(async () => existsSync(pidFile), 'the server to be started again');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    assert.equal(hasEnded(pid), false);
    process.kill(pid, 'SIGTERM');

    await until(async () => hasEnded(pid), 'the server to end');
  } finally {
    if (existsSync(pidFile)) end(Number(readFileSync(pidFile, 'utf8')));
    rmSync(folder, { recursive: true });
  }
});

/** Whoever inherits an orphan may take a while to see that it has ended. */
function hasEnded(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() === '' || stdout.startsWith('Z');
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
