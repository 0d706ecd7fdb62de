import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TaskRunner } from '../../../lib/local/tasks/task-runner.ts';

test('a task that is killed leaves nothing in its temporary folder, which is its own', async () => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-runner-'));
  try {
    writeFileSync(join(root, 'Dockerfile'), 'ENTRYPOINT ["node", "main.mjs"]\n');
    writeFileSync(
      join(root, 'main.mjs'),
      `import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
const folder = mkdtempSync(tmpdir() + '/scratch-');
writeFileSync(folder + '/pgpass', 'secret');
console.log(folder);
setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);
setTimeout(() => {}, 60_000);
`,
    );
    const lines: string[] = [];

    const end = await new TaskRunner().run({
      definition: {
        origin: { stack: 'toys', logicalId: 'Task' },
        family: 'task',
        arn: 'arn:aws:ecs:eu-central-1:000000000000:task-definition/task:1',
        roleArn: 'arn:aws:iam::000000000000:role/task',
        executionRoleArn: undefined,
        container: {
          name: 'task',
          folder: root,
          dockerFile: 'Dockerfile',
          entryPoint: undefined,
          command: [],
          environment: {},
          secrets: {},
          workingDirectory: undefined,
          stopTimeoutSeconds: 1,
        },
      },
      taskArn: 'arn:aws:ecs:eu-central-1:000000000000:task/cluster/1',
      command: undefined,
      environment: { PATH: process.env['PATH'] ?? '', TMPDIR: root },
      signal: new AbortController().signal,
      onLine: (line) => lines.push(line),
    });

    assert.equal(end.exitCode, 137);
    assert.match(lines[0] ?? '', /\/task-[^/]+\/scratch-[^/]+$/);
    assert.equal(existsSync(lines[0] ?? ''), false);
    assert.deepEqual(readdirSync(root).sort(), ['Dockerfile', 'main.mjs']);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
