import { type ErrorCode, errorTable } from './error-table.ts';

/**
 * A failure that names itself. `message` is lower case, has no final stop and quotes values; `hint` is the next thing to
 * try. `name` is the code, because Lambda reports an error's name as the ASL error that `Retry` and `Catch` match.
 */
export class HoldfastError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = code;
    this.code = code;
    this.hint = options.hint ?? errorTable[code].hint;
  }

  get exitCode(): number {
    return errorTable[this.code].exit;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

/** The same error if it is ours already; otherwise an `internal` one that keeps the original as its cause. */
export function asHoldfastError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HoldfastError('internal', message, { cause: error });
}

/** The form in which an error is stored and sent: no stack, no cause, nothing that could hold row data. */
export function describeError(error: unknown): {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
} {
  const { code, message, hint } = asHoldfastError(error);
  return { code, message, hint };
}
