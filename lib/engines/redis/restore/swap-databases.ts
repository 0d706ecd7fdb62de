import { HoldfastError } from '../../../core/errors.ts';
import { fromRefusal, Refusal } from '../errors.ts';
import type { Session } from '../protocol/session.ts';
import { asked } from '../server.ts';

/** Some of the databases were swapped, and others not. */
export class HalfSwapped extends HoldfastError {}

/**
 * Swaps databases all at once: nobody sees one replaced and another not. Where the server takes only some of it, all the same, it throws `HalfSwapped`,
 * and what was there before may be in either database of a pair.
 */
export async function swapDatabases(
  session: Session,
  pairs: readonly (readonly [spare: number, to: number])[],
): Promise<void> {
  await asked(session, ['MULTI'], 'the swap');
  for (const [spare, to] of pairs) await asked(session, ['SWAPDB', spare, to], 'the swap');
  const replies = await asked(session, ['EXEC'], 'the swap');
  const refusals = Array.isArray(replies) ? replies.filter((reply) => reply instanceof Error) : [];
  const [first] = refusals;
  if (first === undefined) return;
  const refusal = new Refusal(first.message);
  if (refusals.length === pairs.length) throw fromRefusal(refusal, 'the swap', 'restore-failed');
  const said = pairs.map((pair) => pair.join(' with ')).join(', ');
  throw new HalfSwapped('restore-failed', `some of the databases were not swapped (${said}): ${refusal.message}`, {
    cause: refusal,
    hint: 'look which have the copy and which what was there before; nothing was emptied',
  });
}
