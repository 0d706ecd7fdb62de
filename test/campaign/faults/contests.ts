import { setTimeout as delay } from 'node:timers/promises';
import { manifestKey } from '../../../lib/core/object-keys.ts';
import type { FaultKind } from '../fault.ts';
import { play } from '../play.ts';
import { someByte } from './process.ts';

const now = () => new Date();
const inAnHour = () => new Date(Date.now() + 3_600_000);

/** A schedule fires twice or more for one time: one backup, whatever becomes of its first attempt. */
const duplicates: FaultKind = {
  name: 'duplicate-requests',
  weight: 1.5,
  contest: (scene) => {
    const { world, lane, random } = scene;
    const count = random.between(2, 4);
    const isKilled = random.chance(0.5);
    const limit = someByte(scene);
    const request = { tier: 'daily', scheduledTime: '2026-11-21T02:00:00Z', requestedBy: { kind: 'schedule' } };
    return {
      note: `${count} requests for one scheduled time${isKilled ? `, and SIGKILL after ${limit} bytes` : ''}`,
      mayEnd: ['task-killed'],
      async run() {
        const plays = await Promise.all(
          Array.from({ length: count }, (_, index) =>
            play({
              world,
              lane,
              execution: `twin-${index}`,
              request,
              clock: now,
              interference: {
                onTask(task, attempt) {
                  if (isKilled && attempt === 1) lane.source.at(limit, () => task.signal('SIGKILL'));
                },
              },
            }),
          ),
        );
        const admitted = plays.filter(({ ending }) => ending !== 'duplicate').length;
        const problems = admitted === 1 ? [] : [`R4: ${admitted} of ${count} requests for one time were admitted`];
        return { plays, problems };
      },
      isInjected: () => true,
    };
  },
};

/** Two stacks on one store want one target at once: one writes, or one after the other does. */
const race: FaultKind = {
  name: 'two-stacks',
  weight: 1.5,
  contest: ({ world, lane, random }) => {
    const pause = random.between(0, 1200);
    return {
      note: `a second stack begins ${pause} ms after the first`,
      mayEnd: ['lease-held'],
      async run() {
        const second = async () => {
          await delay(pause);
          return play({ world, lane, execution: 'stack-two', clock: now });
        };
        const plays = await Promise.all([play({ world, lane, execution: 'stack-one', clock: now }), second()]);
        const refused = plays.filter(({ failure }) => failure?.code === 'lease-held').length;
        const problems = refused < 2 ? [] : ['R4: both were refused'];
        return { plays, problems };
      },
      isInjected: () => true,
    };
  },
};

/** A writer stands still past its lease, another takes over and publishes, the first wakes up: it must not publish. */
const zombie: FaultKind = {
  name: 'late-writer',
  weight: 1.5,
  contest: (scene) => {
    const { world, lane } = scene;
    const limit = someByte(scene);
    let hasStopped = false;
    return {
      note: `the first writer stands still at byte ${limit} until the second has published`,
      mayEnd: ['lease-lost', 'lease-held'],
      async run() {
        const problems: string[] = [];
        let wake = () => {};
        const stopped = Promise.withResolvers<boolean>();
        const first = play({
          world,
          lane,
          execution: 'late',
          clock: now,
          interference: {
            onTask(task, attempt) {
              if (attempt > 1) return;
              wake = () => task.signal('SIGCONT');
              lane.source.at(limit, () => {
                task.signal('SIGSTOP');
                hasStopped = true;
                stopped.resolve(true);
              });
              task.ended.then(
                () => stopped.resolve(false),
                () => stopped.resolve(false),
              );
            },
          },
        });
        first.catch(() => stopped.resolve(false));
        if (!(await stopped.promise)) return { plays: [await first], problems };

        // Its clock says that the first one's lease has run out long ago.
        const second = await play({ world, lane, execution: 'next', clock: inAnHour });
        wake();
        const late = await first;
        if (second.ending !== 'completed') problems.push(`R4: the second writer ended as '${second.failure?.code}'`);
        if (late.failure?.code !== 'lease-lost')
          problems.push(`R4: the late writer ended as '${late.failure?.code ?? late.ending}'`);
        if (late.run && (await world.raw.readAll()).has(manifestKey(late.run.target, late.run.backupId)))
          problems.push('R4: the late writer has published');
        return { plays: [late, second], problems };
      },
      isInjected: () => hasStopped,
    };
  },
};

export const contests: readonly FaultKind[] = [duplicates, race, zombie];
