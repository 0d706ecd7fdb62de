import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Identities } from '../../../lib/local/identities.ts';
import type { LocalTaskDefinition } from '../../../lib/local/model.ts';
import { Secrets } from '../../../lib/local/secrets.ts';
import { runServices } from '../../../lib/local/tasks/services.ts';

/** Notes that it was started; the first time it dies, the second it stays until it is asked to stop, which it notes too. */
const program = `import { appendFileSync, existsSync } from 'node:fs';
const isFirst = !existsSync('starts');
appendFileSync('starts', 'x');
if (isFirst) process.kill(process.pid, 'SIGKILL');
process.on('SIGTERM', () => { appendFileSync('stopped', 'x'); process.exit(0); });
console.log('at work');
setInterval(() => {}, 1000);
`;

test('a service that dies is started again, and asked to stop with its stack', async () => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-service-'));
  try {
    writeFileSync(join(root, 'Dockerfile'), 'ENTRYPOINT ["node", "main.mjs"]\n');
    writeFileSync(join(root, 'main.mjs'), program);
    const origin = { stack: 'toys', logicalId: 'Service' };
    const definition: LocalTaskDefinition = {
      origin,
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
        stopTimeoutSeconds: 20,
      },
    };
    const problems: string[] = [];
    const atWork = Promise.withResolvers<void>();

    const services = runServices(
      [
        { origin, name: 'receiver', arn: 'arn:service', taskDefinition: definition.arn, desiredCount: 1 },
        { origin, name: 'idle', arn: 'arn:idle', taskDefinition: definition.arn, desiredCount: 0 },
      ],
      {
        region: 'eu-central-1',
        endpointUrl: 'http://127.0.0.1:1',
        definitions: [definition],
        identities: new Identities(),
        secrets: new Secrets({ secrets: [], region: 'eu-central-1', stateDirectory: root }),
        machineEnvironment: { PATH: process.env['PATH'] ?? '', TMPDIR: root },
        s3Url: undefined,
        outputOf: () => (line) => line === 'at work' && atWork.resolve(),
        onProblem: (name, problem) => problems.push(`${name}: ${problem}`),
      },
    );
    await Promise.race([atWork.promise, pause(20_000)]);
    await services.close();

    assert.equal(readFileSync(join(root, 'starts'), 'utf8'), 'xx');
    assert.ok(existsSync(join(root, 'stopped')));
    assert.deepEqual(problems, ["receiver: service 'receiver' ended with 137 and is started again"]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
