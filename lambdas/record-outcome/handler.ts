import * as z from 'zod';
import { anyFailureSchema } from '../../lib/core/failure.ts';
import { anyRunSchema } from '../../lib/core/requests.ts';
import { recordOutcome } from '../../lib/lifecycle/record-outcome.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({
  run: anyRunSchema,
  failure: anyFailureSchema.optional(),
  validation: z.object({ seconds: z.number().optional() }).optional(),
});

export const handler = step('record-outcome', inputSchema, (ended, dependencies) => recordOutcome(dependencies, ended));
