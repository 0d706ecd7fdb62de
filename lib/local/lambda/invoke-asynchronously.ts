import { setTimeout as delay } from 'node:timers/promises';
import type { Queues } from '../events/queues.ts';
import type { Functions } from '../functions.ts';
import type { Json } from '../json.ts';

/** Lambda tries twice more, after one minute and after two; nobody waits so long for this machine. */
const waitsMs = [1000, 2000] as const;

/**
 * Invokes a function as Lambda does for an event: tries again when it fails, and then puts the event into the function's dead-letter queue,
 * where it has one. Rejects with the last failure.
 */
export async function invokeAsynchronously(
  { functions, queues }: { readonly functions: Functions; readonly queues: Queues },
  nameOrArn: string,
  event: Json,
): Promise<Json> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await functions.call(nameOrArn, event);
    } catch (error) {
      const waitMs = waitsMs[attempt];
      if (waitMs !== undefined) {
        await delay(waitMs, undefined, { ref: false });
        continue;
      }
      const { deadLetterArn } = functions.definition(nameOrArn);
      if (deadLetterArn !== undefined) queues.send(deadLetterArn, JSON.stringify(event));
      throw error;
    }
  }
}
