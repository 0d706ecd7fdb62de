import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { newOperationId } from '../core/ids.ts';
import type { JournalEvent } from '../core/journal.ts';

/** What every declaration's event has beside what is declared. */
type Base = Pick<JournalEvent, 'operation' | 'at'> & { readonly tenant: null };

/**
 * Records what is declared when it is not what is known already; true when it was recorded. Twice at once leaves two events that say the same.
 */
export async function declare<Declared>(
  { clock, record }: { readonly clock: () => Date; readonly record: (event: JournalEvent) => Promise<unknown> },
  options: {
    readonly known: unknown;
    readonly declared: Declared;
    readonly eventOf: (base: Base, declared: Declared) => JournalEvent;
  },
): Promise<boolean> {
  const { known, declared, eventOf } = options;
  if (isDeepStrictEqual(known, declared)) return false;
  const at = clock();
  const tail = createHash('sha256').update(JSON.stringify(declared)).digest('hex').slice(0, 8);
  await record(eventOf({ operation: newOperationId(at, tail), at: at.toISOString(), tenant: null }, declared));
  return true;
}
