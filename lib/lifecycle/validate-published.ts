import type { HoldfastConfig } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import { HoldfastError } from '../core/errors.ts';
import { firstFew } from '../core/first-few.ts';
import type { BackupRun } from '../core/requests.ts';
import { withRunContext } from '../runner/context.ts';
import { type Validation, validateBackup } from '../runner/validate.ts';
import { readManifest } from '../store/backups.ts';
import type { Store } from '../store/store.ts';

/** A Lambda has fifteen minutes and two processors: below this everything is read, above it the beginning of every stream. */
const fullBelowBytes = 512 * 1024 * 1024;

/**
 * Looks at a backup with other eyes than its writer's: another process, another role, nothing but store and key. The writer has read
 * back every byte already; this proves that others can too. Throws `corrupt` (or what the first problem is) when they cannot.
 */
export async function validatePublished(
  {
    config,
    store,
    runtime,
  }: {
    readonly config: HoldfastConfig;
    readonly store: Store;
    readonly runtime: { readonly environment: Environment };
  },
  run: Pick<BackupRun, 'backupId' | 'target'>,
): Promise<Omit<Validation, 'problems'>> {
  const { storedBytes } = await readManifest(store, run.target, run.backupId);
  const depth = storedBytes <= fullBelowBytes ? 'full' : 'sample';
  const { problems, ...validation } = await withRunContext(
    { config, environment: runtime.environment, signal: new AbortController().signal, report: () => {} },
    (context) => validateBackup(context, run.target, run.backupId, depth),
  );
  const [first] = problems;
  if (first === undefined) return validation;
  throw new HoldfastError(
    first.code as HoldfastError['code'],
    firstFew(problems.map(({ where, message }) => `${where}: ${message}`)),
    { hint: first.hint },
  );
}
