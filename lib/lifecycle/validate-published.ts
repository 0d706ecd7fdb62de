import type { HoldfastConfig } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import { HoldfastError } from '../core/errors.ts';
import { firstFew } from '../core/first-few.ts';
import type { BackupRun } from '../core/requests.ts';
import { withRunContext } from '../runner/context.ts';
import { type Validation, validateBackup } from '../runner/validate.ts';
import { readManifest } from '../store/backups.ts';
import type { Store } from '../store/store.ts';
import { recordValidation } from './record-validation.ts';
import type { Recorder } from './recorder.ts';

/** A Lambda has fifteen minutes and two processors: below this everything is read, above it the beginning of every stream. */
const fullBelowBytes = 512 * 1024 * 1024;

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly recorder: Recorder;
  readonly clock: () => Date;
  readonly runtime: { readonly environment: Environment };
};

/**
 * Looks at a backup with other eyes than its writer's: another process, another role, nothing but store and key. The writer has read
 * back every byte already; this proves that others can too. Throws `corrupt` (or what the first problem is) when they cannot.
 *
 * What was found is journaled before it is answered, so that a bad backup is known to be one even when the run comes to no end.
 */
export async function validatePublished(
  { config, store, recorder, clock, runtime }: Dependencies,
  run: Pick<BackupRun, 'backupId' | 'target' | 'requestedBy'>,
  { isOfItsRun }: { readonly isOfItsRun: boolean },
): Promise<Omit<Validation, 'problems'> & { readonly seconds: number }> {
  const beganAt = clock();
  let depth: Validation['depth'] = 'full';
  const result = await withRunContext(
    { config, environment: runtime.environment, signal: new AbortController().signal, report: () => {} },
    async (context) => {
      const { storedBytes } = await readManifest(store, run.target, run.backupId);
      if (storedBytes > fullBelowBytes) depth = 'sample';
      return validateBackup(context, run.target, run.backupId, depth);
    },
  ).catch((error: unknown) => ({ error }));
  const { target, backupId, requestedBy } = run;
  const looked = { target, backupId, depth, requestedBy, beganAt, endedAt: clock(), isOfItsRun, result };
  const recorded = await recordValidation(recorder, looked).catch((error: unknown) => ({ error }));
  if ('error' in result) throw result.error;
  const { problems, ...validation } = result;
  const [first] = problems;
  if (first !== undefined) {
    throw new HoldfastError(
      first.code as HoldfastError['code'],
      firstFew(problems.map(({ where, message }) => `${where}: ${message}`)),
      { hint: first.hint },
    );
  }
  if (typeof recorded !== 'string') throw recorded.error;
  return { ...validation, seconds: (looked.endedAt.getTime() - beganAt.getTime()) / 1000 };
}
