import { Router } from '@aws-lambda-powertools/event-handler/http';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { createApi } from '../../lib/api/api.ts';
import { step } from '../frame.ts';

const executions = new SFNClient({});
const lambda = new LambdaClient({});

/** The function URL: every caller has been authenticated by IAM before an event arrives here. */
export const handler = step('api', z.unknown(), async (event, dependencies) =>
  createApi(new Router(), { ...dependencies, executions, lambda })(event),
);
