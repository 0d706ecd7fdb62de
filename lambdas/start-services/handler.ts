import * as z from 'zod';
import { anyRunSchema } from '../../lib/core/requests.ts';
import { startAbandoned, startAfterRun } from '../../lib/services/start-services.ts';
import { step } from '../frame.ts';

/** A state machine names its run, whose task has ended; a schedule names none, and means those that are no more. */
const inputSchema = z.object({ run: anyRunSchema.optional() });

export const handler = step('start-services', inputSchema, async ({ run }, dependencies) => ({
  started: await (run === undefined ? startAbandoned(dependencies) : startAfterRun(dependencies, run)),
}));
