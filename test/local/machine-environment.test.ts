import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineEnvironment } from '../../lib/local/machine-environment.ts';

test('programs get where tools are and what the configuration references, and nothing else of the environment', () => {
  const source = {
    PATH: '/bin',
    HOME: '/home/me',
    ORDERS_PASSWORD: 'x',
    AWS_SECRET_ACCESS_KEY: 'mine',
    NODE_OPTIONS: '-v',
  };
  const config = {
    targets: [{ connection: { password: { env: 'ORDERS_PASSWORD' } } }, { password: { env: 'ABSENT' } }],
  };

  assert.deepEqual(machineEnvironment(config, source), { PATH: '/bin', HOME: '/home/me', ORDERS_PASSWORD: 'x' });
});
