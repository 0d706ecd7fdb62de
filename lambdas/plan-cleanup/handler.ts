import * as z from 'zod';
import { cleanupRequestSchema } from '../../lib/core/cleanup.ts';
import { admitCleanup } from '../../lib/lifecycle/cleanup/admit-cleanup.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({
  request: cleanupRequestSchema,
  execution: z.string(),
  startedAt: z.iso.datetime({ offset: true }),
  redriveCount: z.number().int().default(0),
});

export const handler = step('plan-cleanup', inputSchema, (asked, dependencies) => admitCleanup(dependencies, asked));
