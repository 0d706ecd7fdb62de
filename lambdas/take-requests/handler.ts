import { SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { asHoldfastError, HoldfastError } from '../../lib/core/errors.ts';
import { takeRequests } from '../../lib/lifecycle/take-requests.ts';
import { step } from '../frame.ts';

const executions = new SFNClient({});

/** Whatever calls it (a schedule, an event, the catalog's server) says no more than that there may be something to do. */
export const handler = step('take-requests', z.unknown(), async (_event, dependencies) => {
  const { catalog, runtime, log } = dependencies;
  if (catalog === undefined)
    throw new HoldfastError('internal', 'requests are in the catalog, and it is not known here');
  try {
    return await takeRequests({ ...dependencies, catalog, machines: runtime.machines, executions });
  } catch (error) {
    const failure = asHoldfastError(error);
    if (failure.code !== 'catalog-unavailable') throw error;
    // Nobody can ask for anything while it is away. That it is away is the reconciler's to tell, and not once a minute.
    log.warn(`requests cannot be looked at: ${failure.message}`);
    return { started: 0, waiting: 0, failed: 0, targetsDeclared: false };
  }
});
