import { Router } from '@aws-lambda-powertools/event-handler/http';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { Context } from 'aws-lambda';
import { z } from 'zod';
import { createApi } from '../../lib/api/routes.ts';
import { step } from '../frame.ts';

/** The function URL: every caller has been authenticated by IAM before an event arrives here. */
export const handler = step('api', z.unknown(), async (event, dependencies) => {
  const api = createApi(new Router(), { ...dependencies, executions: new SFNClient({}) });
  return api.resolve(event, {} as Context);
});
