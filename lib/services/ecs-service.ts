import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../core/errors.ts';
import type { TargetName } from '../core/ids.ts';
import type { StoppedService } from '../core/stopped-service.ts';
import type { SourceService } from '../engines/engine.ts';
import type { Store } from '../store/store.ts';
import { type EcsApi, ecsApi } from './ecs-api.ts';
import { readServiceRecord, writeServiceRecord } from './service-record.ts';

/** ECS kills a container two minutes after it was told to stop, at the latest. */
const patienceSeconds = 10 * 60;
const pollMs = 2000;

type Options = {
  readonly store: Store;
  readonly target: TargetName;
  readonly ecs: { readonly cluster: string; readonly service: string };
  /** The execution that wants it stopped, and a lease that it holds meanwhile. */
  readonly holder: string;
  readonly lease: string;
  readonly clock: () => Date;
  /** @default - ECS itself */
  readonly api?: EcsApi;
};

/**
 * A service of ECS, stopped by setting its desired count to 0.
 *
 * Invariant: while the count is 0 because of us, a record in the store says what it was. In order: the record is written; the count is set; the
 * tasks are waited for. To start it, the count is set back, and then the record says so. A crash before the count is set leaves a record of
 * a service that runs, which whoever finds it ends; one after that leaves a service that is stopped and recorded, which the run's own next step
 * starts, whatever ended the task, or `startAbandoned` when the run is no more (see start-services.ts). A service that is stopped already is
 * none of ours, and stays as it is; one that a run before has left stopped is taken over with what it wrote.
 */
export function ecsService(options: Options): SourceService {
  const { store, target, ecs, holder, lease, clock } = options;
  return {
    async stop(signal) {
      const api = options.api ?? ecsApi(ecs);
      const record = await readServiceRecord(store, target);
      const left = isOf(record.value, ecs) && record.value.startedAt === null ? record.value : undefined;
      const { desiredCount } = await api.describe();
      const count = desiredCount > 0 ? desiredCount : left?.desiredCount;
      if (count === undefined) return { wasStopped: true, start: async () => {} };
      await writeServiceRecord(
        store,
        {
          formatVersion: 1,
          ...{ target, ...ecs, holder, lease },
          desiredCount: count,
          stoppedAt: clock().toISOString(),
          startedAt: null,
        },
        record,
      );
      const start = (): Promise<void> => startRecorded({ store, target, clock, api: () => api });
      try {
        const tasks = await api.tasks();
        await api.setDesiredCount(0);
        await untilStopped(api, tasks, signal);
      } catch (error) {
        await start();
        throw error;
      }
      return { start };
    },
  };
}

const isOf = (record: StoppedService | undefined, { cluster, service }: Options['ecs']): record is StoppedService =>
  record?.cluster === cluster && record.service === service;

/** A task that was told to stop is no running one, and may still write: its own state is what counts. */
async function untilStopped(api: EcsApi, tasks: readonly string[], signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + patienceSeconds * 1000;
  for (;;) {
    const { desiredCount, activeCount } = await api.describe();
    if (desiredCount > 0)
      throw new HoldfastError(
        'service-not-switched',
        'the service was started by somebody else while it was stopping',
        {
          hint: 'does Service Auto Scaling have a minimum above 0, or did somebody deploy it?',
        },
      );
    if (activeCount === 0 && (await api.unstopped(tasks)) === 0) return;
    if (performance.now() > deadline)
      throw new HoldfastError('service-not-switched', `the service did not stop within ${patienceSeconds} seconds`);
    await delay(pollMs, undefined, { signal });
  }
}

/** Starts what the target's record says was stopped; nothing to do when there is none, or when it says that it was started. May be done again. */
export async function startRecorded({
  store,
  target,
  clock,
  api: open,
}: {
  readonly store: Store;
  readonly target: TargetName;
  readonly clock: () => Date;
  /** @default - ECS itself */
  readonly api?: (service: Options['ecs']) => EcsApi;
}): Promise<void> {
  const record = await readServiceRecord(store, target);
  const { value } = record;
  if (value === undefined || value.startedAt !== null) return;
  const api = (open ?? ecsApi)(value);
  const { desiredCount } = await api.describe();
  // Whoever has set another count meanwhile meant it.
  if (desiredCount === 0) await api.setDesiredCount(value.desiredCount);
  await writeServiceRecord(store, { ...value, startedAt: clock().toISOString() }, record);
}
