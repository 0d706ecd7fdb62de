import { HoldfastError } from '../../core/errors.ts';
import { stopReason } from '../stop-reason.ts';
import { codeOf } from './tree/omission.ts';

/** What an error of the operating system means to whoever reads or writes a tree; every other error is left as it is. */
export function translated(error: unknown, what: string): unknown {
  if (error instanceof HoldfastError) return error;
  const code = codeOf(error);
  const said = error instanceof Error ? error.message : String(error);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ESTALE':
    case 'EIO':
    case 'ETIMEDOUT':
      return new HoldfastError('source-unreachable', `${what}: ${said}`, {
        hint: 'is the folder there, and the file system that it is on mounted?',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new HoldfastError('privilege-missing', `${what}: ${said}`, {
        hint: 'may this user read and, for a restore, write the folder named above?',
        cause: error,
      });
    case 'ENOSPC':
    case 'EDQUOT':
      return new HoldfastError('disk-full', `${what}: ${said}`, { cause: error });
    default:
      return error;
  }
}

/** Throws when the signal has aborted. */
export function throwIfStopped(signal: AbortSignal, doing: string): void {
  if (signal.aborted) throw stopReason(signal, doing);
}
