import { setTimeout } from 'node:timers/promises';

/** So long threads have to end. */
const patienceMs = 5000;

/** Waits until threads that were asked to end have ended; not for one that waits for a file system which does not answer. */
export async function waitForEnd(ended: readonly Promise<unknown>[]): Promise<void> {
  const patience = new AbortController();
  await Promise.race([
    Promise.all(ended),
    setTimeout(patienceMs, undefined, { signal: patience.signal, ref: false }).catch(() => {}),
  ]);
  patience.abort();
}
