import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import type { Call } from './route.ts';

const eventSchema = z.object({
  requestContext: z.object({ authorizer: z.object({ iam: z.object({ userArn: z.string().min(1) }) }) }),
});

/**
 * Who asks: the ARN that IAM has authenticated, of a role's session its name as well. The local stack says whose token it was in the same place.
 * Throws `caller-unknown` when nobody was authenticated, which the function URL does not let happen.
 */
export function callerOf(event: unknown): Call<unknown, unknown, unknown>['caller'] {
  const parsed = eventSchema.safeParse(event);
  if (!parsed.success) throw new HoldfastError('caller-unknown', 'nobody has authenticated this request');
  return { kind: 'api', name: parsed.data.requestContext.authorizer.iam.userArn };
}
