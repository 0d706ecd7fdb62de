import * as z from 'zod';
import { cleanupProgressSchema, cleanupRunSchema } from '../../lib/core/cleanup.ts';
import { sweep } from '../../lib/lifecycle/cleanup/sweep.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({ run: cleanupRunSchema, progress: cleanupProgressSchema });

export const handler = step('sweep-expired', inputSchema, (sofar, dependencies) => sweep(dependencies, sofar));
