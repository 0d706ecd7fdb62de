import { z } from 'zod';
import { taskOf } from '../../lib/config/runtime.ts';
import { backupRequestSchema } from '../../lib/core/requests.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({
  request: backupRequestSchema,
  execution: z.string(),
  startedAt: z.iso.datetime({ offset: true }),
  redriveCount: z.number().int().default(0),
});

export const handler = step('admit-backup', inputSchema, async (asked, dependencies) => {
  const admission = await admitBackup(dependencies, asked);
  return 'run' in admission
    ? { ...admission, taskDefinition: taskOf(dependencies.runtime, admission.run.target) }
    : admission;
});
