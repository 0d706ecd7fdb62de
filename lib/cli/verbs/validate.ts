import { HoldfastError } from '../../core/errors.ts';
import { type Validation, validateBackup } from '../../runner/validate.ts';
import { whileInUse } from '../../runner/while-in-use.ts';
import { listBackups } from '../../store/backups.ts';
import type { CliContext } from '../context.ts';
import { direct, namedBackup, parseTarget } from '../direct.ts';
import { bytes, counted } from '../output.ts';

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
    const done: Validation[] = [];
    for (const { target: of, id } of wanted) {
      done.push(
        await whileInUse(run, { target: of, id, what: 'holdfast validate' }, () =>
          validateBackup(run, of, id, sample ? 'sample' : 'full'),
        ),
      );
    }
    return done;
  });
  context.output.result({ validations }, () => validations.flatMap(describe));
  const worst = validations.flatMap(({ problems }) => problems)[0];
  return worst === undefined ? 0 : new HoldfastError(worst.code as HoldfastError['code'], worst.message).exitCode;
}

function describe({
  backupId,
  target,
  status,
  depth,
  objects,
  storedBytes,
  readBytes,
  problems,
}: Validation): string[] {
  const how = depth === 'full' ? 'read to the last byte' : `${bytes(readBytes)} of ${bytes(storedBytes)} read`;
  return [
    `${problems.length === 0 ? 'valid  ' : 'INVALID'} ${backupId} of '${target}'${status === 'partial' ? ' (partial)' : ''}: ${counted(objects, 'object')}, ${bytes(storedBytes)}, ${how}`,
    ...problems.flatMap(({ where, code, message, hint }) => [`  ${where}: [${code}] ${message}`, `  HINT: ${hint}`]),
  ];
}
