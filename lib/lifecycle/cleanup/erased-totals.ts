import type { CleanupTotals } from '../../core/cleanup.ts';
import type { Erased } from '../../store/store.ts';

/** What was erased, as a cleanup counts it. */
export const totalsOf = ({ objects, freedBytes, retained }: Omit<Erased, 'next'>): Partial<CleanupTotals> => ({
  removedObjects: objects,
  freedBytes,
  retainedObjects: retained.length,
  retainedBytes: retained.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
});
