import { SchedulerClient } from '@aws-sdk/client-scheduler';
import * as z from 'zod';
import { schedulesOf } from '../../lib/config/schedules.ts';
import { asHoldfastError } from '../../lib/core/errors.ts';
import { schedulesInForce } from '../../lib/core/schedules.ts';
import { applySchedules } from '../../lib/lifecycle/apply-schedules.ts';
import { changeSchedule } from '../../lib/lifecycle/change-schedule.ts';
import { deploymentSchema, scheduleRequestSchema } from '../../lib/lifecycle/schedule-requests.ts';
import { readScheduleChanges } from '../../lib/store/schedule-changes.ts';
import { type StepDependencies, step } from '../frame.ts';

const scheduler = new SchedulerClient({});

/** The only function that may change what EventBridge Scheduler does. */
export const handler = step('schedules', z.union([scheduleRequestSchema, deploymentSchema]), (event, dependencies) => {
  if ('RequestType' in event) return deployed(event, dependencies);
  if (event.operation === 'apply') return apply(dependencies);
  const { operation: _, ...wish } = event;
  return changeSchedule({ ...dependencies, scheduler }, wish);
});

const apply = ({ config, store }: StepDependencies) => {
  const schedules = schedulesOf(config);
  const names = schedules.map(({ name }) => name);
  return applySchedules(scheduler, config.aws.name, names, async () =>
    schedulesInForce(schedules, await readScheduleChanges(store)),
  );
};

/** A deployment has written the configured times: what was changed by hand is put back. It must not fail for that; the next quarter of an hour sees to it. */
async function deployed(
  { RequestType, PhysicalResourceId }: z.infer<typeof deploymentSchema>,
  dependencies: StepDependencies,
): Promise<unknown> {
  if (RequestType !== 'Delete')
    await apply(dependencies).catch((error: unknown) =>
      dependencies.log.warn(`schedules could not be applied: ${asHoldfastError(error).message}`),
    );
  return { PhysicalResourceId: PhysicalResourceId ?? 'holdfast-schedules-in-force' };
}
