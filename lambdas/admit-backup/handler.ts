import { z } from 'zod';
import { backupRequestSchema } from '../../lib/core/requests.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({
  request: backupRequestSchema,
  execution: z.string(),
  startedAt: z.iso.datetime({ offset: true }),
  redriveCount: z.number().int().default(0),
});

export const handler = step('admit-backup', inputSchema, (asked, dependencies) => admitBackup(dependencies, asked));
