import { z } from 'zod';

/**
 * What was done with a restored copy before it was handed over. `compared`: all of its content was held against the manifest. `examined`: a server
 * recovered it, and its tables, indexes and pages were gone through. `recovered`: a server recovered it, and no more. `unpacked`: no server was
 * started on it. From the strongest to the weakest.
 */
export const restoreProofSchema = z.enum(['compared', 'examined', 'recovered', 'unpacked']);
export type RestoreProof = z.infer<typeof restoreProofSchema>;

/** In words, after which a name can follow. */
export const proofWords: Readonly<Record<RestoreProof, string>> = {
  compared: 'restored and compared',
  examined: 'recovered and examined',
  recovered: 'recovered, not examined',
  unpacked: 'unpacked, not started',
};

/** What can be said of all of them. */
export const weakestProof = (proofs: readonly RestoreProof[]): RestoreProof =>
  restoreProofSchema.options.findLast((proof) => proofs.includes(proof)) ?? 'compared';
