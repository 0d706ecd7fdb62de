import { join } from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import type { TargetName } from '../../core/ids.ts';
import type { RunContext } from '../../runner/context.ts';
import { isMissing } from '../../store/text.ts';
import { fetchWal } from '../../wal/fetch-wal.ts';
import { walSystems } from '../../wal/open-wal.ts';
import { readControlFile } from '../../wal/push-wal.ts';
import { parseWalName } from '../../wal/wal-names.ts';
import type { CliContext } from '../context.ts';
import { direct } from '../direct.ts';
import { chosenWalTarget } from '../wal-target.ts';

type Options = {
  readonly name: string;
  readonly file: string;
  readonly target?: string;
  readonly system?: string;
  readonly dataDirectory?: string;
};

/** For restore_command: exit code 1 when the store has no such file; what fails otherwise has the verb's own for failures. */
export async function run(context: CliContext, options: Options): Promise<number> {
  try {
    const target = chosenWalTarget(await context.config(), options.target);
    const controlFile = join(options.dataDirectory ?? '.', 'global', 'pg_control');
    const systemIdentifier = options.system ?? (await readControlFile(controlFile)).systemIdentifier;
    await direct(context, async (run) => {
      const of = { target, systemIdentifier };
      await fetchWal(run, of, { name: options.name, path: options.file }).catch(async (error: unknown) => {
        if (!isMissing(error)) throw error;
        await requireSystem(run, of);
        throw notThere(options.name, { target, cause: error });
      });
    });
    context.output.result({ target, systemIdentifier, name: options.name }, () => [`${options.name} is there`]);
    return 0;
  } catch (error) {
    if (!isMissing(error)) throw error;
    context.output.failure(error);
    return 1;
  }
}

/** What it means depends on which file was asked for: a server asks for more than there can be, to find out where its log ends. */
function notThere(
  name: string,
  { target, cause }: { readonly target: TargetName; readonly cause: unknown },
): HoldfastError {
  const isHistory = parseWalName(name)?.kind === 'history';
  const meaning = isHistory
    ? 'to a server in recovery it means that there is no such timeline'
    : "to a server in recovery it means that the log ends here, and every server asks once for what is behind its log's end";
  return new HoldfastError('object-missing', `the store has no WAL file '${name}' of '${target}'`, {
    cause,
    hint: `${meaning}; 'holdfast wal status --target ${target}' says what the store has, and where it has a hole`,
  });
}

/** Of a system of which the store has nothing, no file is missing: then this is another store, or another system, than is meant. */
async function requireSystem(
  run: RunContext,
  { target, systemIdentifier }: { readonly target: TargetName; readonly systemIdentifier: string },
): Promise<void> {
  if ((await walSystems(run, target)).includes(systemIdentifier)) return;
  throw new HoldfastError('config-invalid', `the store has no WAL at all of '${target}', system ${systemIdentifier}`, {
    hint: 'is this the right store, and its disk mounted? A cluster without WAL in the store is recovered without restore_command',
  });
}
