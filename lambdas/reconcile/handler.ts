import * as z from 'zod';
import { reconcile } from '../../lib/lifecycle/reconcile.ts';
import { step } from '../frame.ts';

/** EventBridge Scheduler's own event is of no interest: every run looks at everything. */
export const handler = step('reconcile', z.unknown(), (_event, dependencies) => reconcile(dependencies));
