import { changeScheduleByHand } from '../change-schedule.ts';
import type { CliContext } from '../context.ts';

export async function run(
  context: CliContext,
  options: { readonly schedule: string; readonly aws?: boolean },
): Promise<number> {
  return changeScheduleByHand(context, options, { enabled: false });
}
