import { asHoldfastError } from '../core/errors.ts';

/** What `work` gives, or undefined when what it works on is bad and will be bad next time; a passing failure rejects. */
export async function orNote<Result>(
  log: { warn(message: string): void },
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    const { code, message, retryable } = asHoldfastError(error);
    if (retryable) throw error;
    log.warn(`[${code}] ${message}`);
    return undefined;
  }
}
