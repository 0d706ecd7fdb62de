import * as z from 'zod';

/**
 * What was done with a restored copy before it was handed over. `compared`: all of it was read back and held against the manifest. `loaded`: the
 * digests of what it was given are the manifest's, and it took all of it. `examined`: a server recovered it, and its tables, indexes and pages were
 * gone through. `recovered`: a server recovered it, and no more. `unpacked`: no server was started on it. From the strongest to the weakest.
 */
export const restoreProofSchema = z.enum(['compared', 'loaded', 'examined', 'recovered', 'unpacked']);
export type RestoreProof = z.infer<typeof restoreProofSchema>;

/** In words, after which a name can follow. */
export const proofWords: Readonly<Record<RestoreProof, string>> = {
  compared: 'restored and the same',
  loaded: 'restored',
  examined: 'recovered and examined',
  recovered: 'recovered, not examined',
  unpacked: 'unpacked, not started',
};

/** What can be said of all copies; undefined where none can be proved, as of roles. */
export const weakestProof = (
  copies: readonly { readonly proof?: RestoreProof | undefined }[],
): RestoreProof | undefined =>
  restoreProofSchema.options.findLast((proof) => copies.some((copy) => copy.proof === proof));

/** Were the copies held against what the manifest says of their content? */
export const isCompared = (proof: RestoreProof | undefined): boolean => proof === 'compared' || proof === 'loaded';

/** Is it enough for a restore test? Of what nothing can be read back of, as of roles, no more is asked. */
export const provesBackup = (proof: RestoreProof | undefined): boolean =>
  proof === undefined || proof === 'compared' || proof === 'examined';
