import { SFNClient } from '@aws-sdk/client-sfn';
import { z } from 'zod';
import { HoldfastError } from '../../lib/core/errors.ts';
import { takeRequests } from '../../lib/lifecycle/take-requests.ts';
import { step } from '../frame.ts';

const executions = new SFNClient({});

/** Whatever calls it (a schedule, an event, the catalog's server) says no more than that there may be something to do. */
export const handler = step('take-requests', z.unknown(), (_event, dependencies) => {
  const { catalog, runtime } = dependencies;
  if (catalog === undefined)
    throw new HoldfastError('internal', 'requests are in the catalog, and it is not known here');
  return takeRequests({ ...dependencies, catalog, machines: runtime.machines, executions });
});
