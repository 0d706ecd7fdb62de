import type { HoldfastError } from '../core/errors.ts';
import type { RestoreRun } from '../core/requests.ts';
import type { RunContext } from './context.ts';
import { type RestoreOutcome, runRestore } from './restore.ts';
import { restoreFailure } from './restore-failure.ts';

/** What a restore did, and the failure that it is when a copy differs. */
export async function restoreInTask(
  context: RunContext,
  run: RestoreRun,
): Promise<{ readonly restore: RestoreOutcome; readonly failure: HoldfastError | undefined }> {
  const restore = await runRestore(context, run);
  return { restore, failure: restoreFailure(restore) };
}
