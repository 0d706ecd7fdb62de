import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { randomOf } from '../faults/random.ts';
import { type TaskScene, taskScene } from '../faults/task-scene.ts';
import { Checks } from './checks.ts';
import type { Scene } from './fault.ts';
import type { Contents } from './store-contents.ts';

let servers: TaskScene;
before(async () => {
  servers = await taskScene();
});
after(() => servers?.[Symbol.asyncDispose]());

test('the checks of a campaign see what they are there for', async () => {
  await using world = await servers.open({ store: 'file' });
  const played = await world.night('tonight');
  assert.equal(played.ending, 'completed', played.log);
  const scene: Scene = { shared: servers.shared, lane: servers.lane, world, random: randomOf(1) };
  const whole = await world.raw.readAll();
  const data = [...whole.keys()].find((key) => key.includes('/db-small')) ?? '';
  const checked = async (contents: Contents): Promise<string> => {
    const checks = new Checks(scene, contents);
    checks.nothingWasTaken(whole);
    checks.nextRunSucceeds(played);
    await checks.completedMeansWhole({ mayBeDamaged: false, next: played });
    checks.nothingLeaks([]);
    return checks.problems.join('\n');
  };
  const without = new Map([...whole].filter(([key]) => key !== data));
  const shortened = new Map(whole).set(data, whole.get(data)?.subarray(0, -1) ?? Buffer.of());
  const leaking = new Map(whole).set('notes.txt', Buffer.from(`key: ${world.keyFile.toString('hex')}`));

  assert.equal(await checked(whole), '');
  assert.match(await checked(without), /^R3: of what was there .*db-small.*\nSILENT: .* is not in the store/);
  assert.match(await checked(shortened), /^R3: .*\nSILENT: .* has other bytes than its hash says/);
  assert.match(await checked(leaking), /^R8: 'notes.txt' holds a secret in the clear$/);
  const refused = new Checks(scene, whole);
  refused.nextRunSucceeds({
    ...played,
    ending: 'failed',
    failure: { code: 'lease-held', message: 'held', hint: 'wait' },
  });
  assert.deepEqual(refused.problems, ["R7: the next run ended as 'lease-held': held"]);
});
