import { z } from 'zod';
import { backupRunSchema } from '../../lib/core/requests.ts';
import { validatePublished } from '../../lib/lifecycle/validate-published.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({ run: backupRunSchema });

export const handler = step('validate-backup', inputSchema, ({ run }, dependencies) =>
  validatePublished(dependencies, run),
);
