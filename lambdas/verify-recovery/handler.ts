import * as z from 'zod';
import { recoveryPlanSchema } from '../../lib/core/recovery-plan.ts';
import { restoreRunSchema } from '../../lib/core/requests.ts';
import { verifyRecovery } from '../../lib/lifecycle/verify-recovery.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({ run: restoreRunSchema, plan: recoveryPlanSchema });

export const handler = step('verify-recovery', inputSchema, (ended, dependencies) =>
  verifyRecovery(dependencies, ended),
);
