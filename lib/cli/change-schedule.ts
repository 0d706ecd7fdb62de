import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { dueTimes } from '../core/due-times.ts';
import type { ScheduleChanged, ScheduleState } from '../core/schedules.ts';
import { requireSchedule } from '../lifecycle/change-schedule.ts';
import { invokeFunction } from '../lifecycle/invoke-function.ts';
import type { ScheduleRequest } from '../lifecycle/schedule-requests.ts';
import type { CliContext } from './context.ts';
import { clientSettings, withLocalStack } from './local.ts';

/** Changes a schedule through the `schedules` function, of the local stack or of the AWS account, and says what is in force from now on. */
export async function changeScheduleByHand(
  context: CliContext,
  { schedule, aws = false }: { readonly schedule: string; readonly aws?: boolean },
  set: ScheduleChanged['set'],
): Promise<number> {
  const config = await context.config();
  requireSchedule(config, schedule);
  const request: ScheduleRequest = {
    operation: 'change',
    schedule,
    set,
    change: randomUUID(),
    requestedBy: { kind: 'user', name: userInfo().username },
  };
  const functionName = `${config.aws.name}-schedules`;
  const state = (await (aws
    ? invokeFunction(new LambdaClient({ region: config.aws.region }), functionName, request)
    : withLocalStack(context, (stack) =>
        invokeFunction(new LambdaClient(clientSettings(stack)), functionName, request),
      ))) as ScheduleState;
  context.output.result(state, () => [describe(state)]);
  return 0;
}

function describe(state: ScheduleState): string {
  const { name, cron, timezone, enabled, changed } = state;
  const source = changed === null ? 'as configured' : 'until it is reset';
  if (!enabled) return `schedule '${name}' is disabled ${source}: '${cron}' ${timezone} would be its times`;
  const [next] = dueTimes(state, { after: new Date(), limit: 1 });
  return `schedule '${name}' runs at '${cron}' ${timezone} ${source}; next ${next?.toISOString() ?? 'never'}`;
}
