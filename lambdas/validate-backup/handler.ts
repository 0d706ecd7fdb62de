import * as z from 'zod';
import { backupIdSchema, targetNameSchema } from '../../lib/core/ids.ts';
import { requesterSchema } from '../../lib/core/manifest.ts';
import { validatePublished } from '../../lib/lifecycle/validate-published.ts';
import { step } from '../frame.ts';

/** Of a run only what names its backup and who asks; whoever wants to see a backup validated later has no more. */
const inputSchema = z.object({
  run: z.object({ backupId: backupIdSchema, target: targetNameSchema, requestedBy: requesterSchema }),
  isOfItsRun: z.boolean().default(true),
});

export const handler = step('validate-backup', inputSchema, ({ run, isOfItsRun }, dependencies) =>
  validatePublished(dependencies, run, { isOfItsRun }),
);
