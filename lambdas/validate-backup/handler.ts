import { z } from 'zod';
import { backupIdSchema, targetNameSchema } from '../../lib/core/ids.ts';
import { validatePublished } from '../../lib/lifecycle/validate-published.ts';
import { step } from '../frame.ts';

/** Of a run only what names its backup; whoever wants to see a backup validated has no more. */
const inputSchema = z.object({ run: z.object({ backupId: backupIdSchema, target: targetNameSchema }) });

export const handler = step('validate-backup', inputSchema, ({ run }, dependencies) =>
  validatePublished(dependencies, run),
);
