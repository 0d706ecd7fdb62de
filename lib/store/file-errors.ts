import type { ErrorCode } from '../core/error-table.ts';
import { HoldfastError } from '../core/errors.ts';

/** How a failed system call reads as one of our errors. What is not listed means that the disk or mount is in trouble. */
const codes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EFBIG: 'disk-full',
  EACCES: 'store-denied',
  EPERM: 'store-denied',
  EROFS: 'store-denied',
  ENOENT: 'object-missing',
  ENOTDIR: 'object-missing',
  ELOOP: 'object-missing',
  EEXIST: 'already-exists',
};

const reasons: Readonly<Record<string, string>> = {
  'disk-full': 'no space is left for it',
  'store-denied': 'this user may not',
  'object-missing': 'there is no such object',
  'already-exists': 'there is one already',
};

/** The error for a failed attempt to do `what` (a phrase such as `write 'a/b'`) in the store at `root`. */
export function fileError(error: unknown, what: string, root: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const name = errorCodeOf(error);
  const code = codes[name ?? ''] ?? 'store-unavailable';
  const reason = reasons[code] ?? 'the file system failed';
  return new HoldfastError(code, `cannot ${what} in '${root}': ${reason} (${name ?? 'no code'})`, { cause: error });
}

/** The system's name of an error, e.g. `ENOENT`. */
export function errorCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}
