import { describeError, HoldfastError } from '../../core/errors.ts';
import type { BackupId, TargetName } from '../../core/ids.ts';
import { type Validation, validateBackup } from '../../runner/validate.ts';
import { listBackups } from '../../store/backups.ts';
import type { CliContext } from '../context.ts';
import { direct, namedBackup, parseTarget } from '../direct.ts';
import { bytes, counted } from '../output.ts';

type Checked = Omit<Validation, 'status'> & { readonly status: Validation['status'] | 'unreadable' };

type Options = {
  readonly backup?: string;
  readonly target?: string;
  readonly all?: boolean;
  readonly sample?: boolean;
};

export async function run(
  context: CliContext,
  { backup, target, all = false, sample = false }: Options,
): Promise<number> {
  if (all === (backup !== undefined))
    throw new HoldfastError('usage', "name one backup (or 'latest' with --target), or say --all");
  const validations = await direct(context, async (run) => {
    const wanted =
      backup === undefined
        ? await Array.fromAsync(listBackups(run.store, target === undefined ? undefined : parseTarget(target)))
        : [await namedBackup(run, backup, target)];
    const done: Checked[] = [];
    const depth = sample ? 'sample' : 'full';
    for (const { target: of, id } of wanted) {
      const validated = validateBackup(run, of, id, depth);
      done.push(await (all ? validated.catch((error: unknown) => unreadable(error, of, id, depth)) : validated));
    }
    return done;
  });
  context.output.result({ validations }, () => validations.flatMap(describe));
  const worst = validations.flatMap(({ problems }) => problems)[0];
  return worst === undefined ? 0 : new HoldfastError(worst.code as HoldfastError['code'], worst.message).exitCode;
}

/** Among all, a backup that cannot be looked at (its manifest or key is not to be had) is a finding, and hides none of the others. */
function unreadable(error: unknown, target: TargetName, backupId: BackupId, depth: Validation['depth']): Checked {
  if (!(error instanceof HoldfastError) || error.retryable || runEnds.has(error.code)) throw error;
  return {
    backupId,
    target,
    status: 'unreadable',
    depth,
    objects: 0,
    plainBytes: 0,
    storedBytes: 0,
    readBytes: 0,
    problems: [{ where: `backup '${backupId}'`, ...describeError(error) }],
  };
}

/** What has nothing to do with the one backup. */
const runEnds: ReadonlySet<HoldfastError['code']> = new Set([
  'stopped',
  'deadline',
  'store-denied',
  'config-invalid',
  'internal',
]);

function describe({ backupId, target, status, depth, objects, storedBytes, readBytes, problems }: Checked): string[] {
  const how = depth === 'full' ? 'read to the last byte' : `${bytes(readBytes)} of ${bytes(storedBytes)} read`;
  const looked = `${counted(objects, 'object')}, ${bytes(storedBytes)}, ${how}`;
  return [
    `${problems.length === 0 ? 'valid  ' : 'INVALID'} ${backupId} of '${target}'${status === 'partial' ? ' (partial)' : ''}: ${status === 'unreadable' ? 'cannot be opened' : looked}`,
    ...problems.flatMap(({ where, code, message, hint }) => [`  ${where}: [${code}] ${message}`, `  HINT: ${hint}`]),
  ];
}
