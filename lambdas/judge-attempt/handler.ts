import * as z from 'zod';
import { caughtSchema } from '../../lib/core/failure.ts';
import { anyRunSchema, operationOf } from '../../lib/core/requests.ts';
import { judgeAttempt } from '../../lib/lifecycle/judge-attempt.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({ run: anyRunSchema, caught: caughtSchema, attempts: z.number().int().nonnegative() });

export const handler = step('judge-attempt', inputSchema, ({ run, caught, attempts }, { store }) =>
  judgeAttempt(store, { operation: operationOf(run), caught, attempts }),
);
