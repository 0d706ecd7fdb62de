import type { Erased, EraseOptions, Store } from './store.ts';

/** Erases page by page until nothing is left to try, and gives the sum. For what is known to be little; cleanup counts its own pages. */
export async function eraseAll(
  store: Pick<Store, 'erase'>,
  prefix: string,
  options: Omit<EraseOptions, 'after'> = {},
): Promise<Omit<Erased, 'next'>> {
  let total: Omit<Erased, 'next'> = { objects: 0, freedBytes: 0, retained: [] };
  let after: string | undefined;
  do {
    const page: Erased = await store.erase(prefix, { ...options, ...(after === undefined ? {} : { after }) });
    total = {
      objects: total.objects + page.objects,
      freedBytes: total.freedBytes + page.freedBytes,
      retained: [...total.retained, ...page.retained],
    };
    after = page.next;
  } while (after !== undefined);
  return total;
}
