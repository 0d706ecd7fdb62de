import { asHoldfastError, describeError, HoldfastError } from '../core/errors.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import { validationStatusOf } from '../core/restore-test-status.ts';
import type { EndedValidationStatus } from '../core/vocabulary.ts';
import { recordValidation } from '../lifecycle/record-validation.ts';
import { createRecorder } from '../lifecycle/recorder.ts';
import { findRunningStack } from '../local/running-stack.ts';
import type { RunContext } from '../runner/context.ts';
import { type Validation, validateBackup } from '../runner/validate.ts';
import { whileInUse } from '../runner/while-in-use.ts';
import type { CliContext } from './context.ts';
import { localCatalog } from './local.ts';
import { stateDirectoryOf } from './state-directory.ts';

/** What a look at one backup gave, be it that it could not be taken. */
export type BackupValidation = Pick<Validation, 'backupId' | 'target' | 'problems'> &
  Partial<Omit<Validation, 'backupId' | 'target' | 'problems'>> & { readonly result: EndedValidationStatus };

/**
 * Looks at backups one after another. What keeps one from being looked at (a lost key, an unreadable manifest) is its own result, and the
 * others are looked at all the same. Each look is journaled; that it cannot be is warned of once.
 */
export async function validateBackups(
  cli: CliContext,
  run: RunContext,
  options: {
    readonly backups: readonly { readonly target: TargetName; readonly id: BackupId }[];
    readonly depth: Validation['depth'];
  },
): Promise<readonly BackupValidation[]> {
  const { depth } = options;
  const record = recording(cli, run);
  const done: BackupValidation[] = [];
  for (const { target, id } of options.backups) {
    const beganAt = run.clock();
    const result = await whileInUse(run, { target, id, what: 'holdfast validate' }, () =>
      validateBackup(run, target, id, depth),
    ).catch((error: unknown) => ({ error }));
    run.signal.throwIfAborted();
    await record({ target, backupId: id, depth, requestedBy: { kind: 'user' }, beganAt, endedAt: run.clock(), result });
    done.push(resultOf(target, id, result));
  }
  return done;
}

function resultOf(
  target: TargetName,
  backupId: BackupId,
  result: Validation | { readonly error: unknown },
): BackupValidation {
  if (!('error' in result)) return { ...result, result: validationStatusOf(result.problems[0]?.code) };
  const failure = describeError(asHoldfastError(result.error));
  return { backupId, target, problems: [{ where: 'backup', ...failure }], result: validationStatusOf(failure.code) };
}

/** Who may read backups may not write the journal, and that must not keep anybody from validating. */
function recording({ configFile, output }: CliContext, { store }: RunContext) {
  const running = findRunningStack(stateDirectoryOf(configFile));
  const recorder = createRecorder({
    store,
    catalog: running && localCatalog(running),
    warn: (message) => output.line(`note: ${message}`),
  });
  let isOff = false;
  return async (looked: Parameters<typeof recordValidation>[1]): Promise<void> => {
    if (isOff) return;
    await recordValidation(recorder, looked).catch((error: unknown) => {
      isOff = true;
      output.line(`note: the validation is not in the history: ${asHoldfastError(error).message}`);
    });
  };
}

/** The order from bad to worse, of results that are not good. */
const severity: Readonly<Record<EndedValidationStatus, number>> = { PASSED: 0, NOT_TESTABLE: 1, ERROR: 2, FAILED: 3 };

/** The exit code that all results together deserve: that of the worst one's first problem. */
export function worstExitCode(validations: readonly BackupValidation[]): number {
  const worst = validations.toSorted((a, b) => severity[b.result] - severity[a.result])[0];
  const [problem] = worst?.problems ?? [];
  return problem === undefined ? 0 : new HoldfastError(problem.code as HoldfastError['code'], '').exitCode;
}
