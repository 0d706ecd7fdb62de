import * as z from 'zod';
import { anyRunSchema } from '../../lib/core/requests.ts';
import { releaseLeases } from '../../lib/lifecycle/release-leases.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({ run: anyRunSchema });

export const handler = step('release-lease', inputSchema, ({ run }, dependencies) => releaseLeases(dependencies, run));
