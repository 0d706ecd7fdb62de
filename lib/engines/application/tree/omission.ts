/** Why a name of the source is not in the backup as it was, or not at all. */
export type OmissionReason = 'changed' | 'vanished' | 'unreadable' | 'socket' | 'mount';

/** What no backup was asked to hold: it is remarked upon, and makes none partial. */
export const isByIntent = (reason: OmissionReason): boolean => reason === 'socket' || reason === 'mount';

/** A name that a backup lacks, or has in a state that the file never was in. */
export type Omission = { readonly path: Uint8Array; readonly reason: OmissionReason; readonly detail?: string };

/** What became of a file, from the error that met it: who looks for a name that is gone finds nothing, or something else in its place. */
export function omissionOf(path: Uint8Array, error: unknown): Omission {
  const code = codeOf(error);
  if (code === undefined) throw error;
  if (goneCodes.has(code)) return { path, reason: 'vanished' };
  if (ownFaults.has(code)) throw error;
  return { path, reason: 'unreadable', detail: code };
}

const goneCodes = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE']);
/** What says nothing of the file, but of this process. */
const ownFaults = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EBADF']);

/** The system's own code of an error, e.g. `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code)
    ? error.code
    : undefined;
}
