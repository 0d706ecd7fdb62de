import { HoldfastError } from '../../core/errors.ts';
import { scheduleSettingsSchema } from '../../core/journal.ts';
import { changeScheduleByHand } from '../change-schedule.ts';
import type { CliContext } from '../context.ts';

type Options = {
  readonly schedule: string;
  readonly cron?: string;
  readonly timezone?: string;
  readonly aws?: boolean;
};

export async function run(context: CliContext, options: Options): Promise<number> {
  const { cron, timezone } = options;
  if (cron === undefined && timezone === undefined) throw new HoldfastError('usage', 'say --cron, --timezone, or both');
  const parsed = scheduleSettingsSchema.partial().safeParse({ cron, timezone });
  if (!parsed.success)
    throw new HoldfastError(
      'usage',
      parsed.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`).join('; '),
    );
  return changeScheduleByHand(context, options, parsed.data);
}
