import * as z from 'zod';
import { type ErrorCode, errorTable } from '../../lib/core/error-table.ts';
import { HoldfastError } from '../../lib/core/errors.ts';
import { anyFailureSchema } from '../../lib/core/failure.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({
  failure: anyFailureSchema,
  redriveCount: z.number().int(),
  admittedAt: z.number().int(),
});

/**
 * The last step of the failure path: fails the execution under the failure's own name. A redrive runs the failed step again, and a redrive is
 * a wish for another try: this step then ends well, and what follows it is admission.
 */
export const handler = step('raise-failure', inputSchema, async ({ failure, redriveCount, admittedAt }) => {
  if (redriveCount > admittedAt) return { redriven: redriveCount };
  const { code, message, hint } = failure;
  throw new HoldfastError(code in errorTable ? (code as ErrorCode) : 'internal', message, { hint });
});
