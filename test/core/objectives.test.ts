import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectivesOf } from '../../lib/core/objectives.ts';

const nightly = { schedule: '0 2 * * *', timezone: 'UTC', enabled: true };
const hourly = { schedule: '0 * * * *', timezone: 'UTC', enabled: true };

test('definitions alone have a window of their own, and make no recovery point objective reachable', () => {
  const target = {
    backups: [
      { ...nightly, method: 'logical' as const },
      { ...hourly, method: 'schema' as const },
    ],
    rpoHours: 4,
  };

  assert.deepEqual(objectivesOf(target, 'logical', 7200), { windowHours: 26, rpoHours: null });
  assert.deepEqual(objectivesOf(target, 'schema', 7200), { windowHours: 3, rpoHours: null });
  assert.deepEqual(objectivesOf({ ...target, rpoHours: 24 }, 'logical', 7200), { windowHours: 26, rpoHours: 24 });
});
