import { join } from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import { fetchWal } from '../../wal/fetch-wal.ts';
import { readControlFile } from '../../wal/push-wal.ts';
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

/**
 * To a recovering server an exit code of 1 to 125 of its restore_command means that there is no such file, and that WAL ends here: it would
 * stop short, and open. What is not known to be missing has to stop it instead (RestoreArchivedFile in
 * src/backend/access/transam/xlogarchive.c).
 */
const stopsRecovery = 126;

/** For restore_command: exit code 1 when the store has no such file, 126 when that could not be found out. */
export async function run(context: CliContext, options: Options): Promise<number> {
  try {
    const target = chosenWalTarget(await context.config(), options.target);
    const controlFile = join(options.dataDirectory ?? '.', 'global', 'pg_control');
    const systemIdentifier = options.system ?? (await readControlFile(controlFile)).systemIdentifier;
    await direct(context, (run) =>
      fetchWal(run, { target, systemIdentifier }, { name: options.name, path: options.file }),
    );
    context.output.result({ target, systemIdentifier, name: options.name }, () => [`${options.name} is there`]);
    return 0;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    context.output.failure(error);
    return error.code === 'object-missing' ? 1 : stopsRecovery;
  }
}
