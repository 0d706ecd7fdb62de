import type { EngineContext } from '../../engine.ts';
import { toolEnvironment } from '../connection.ts';
import { feedTool } from '../feed-tool.ts';
import { counted, type LoadOptions } from './load-options.ts';

/** Fills an empty database by handing the stream as it is to its tool, which works through it on one session. */
export async function loadStream(
  context: EngineContext,
  options: Omit<LoadOptions, 'jobs' | 'detail' | 'choose'> & { readonly restoredBy: 'pg_restore' | 'psql' },
): Promise<void> {
  const { connection, tools, database, doing, lcMonetary, restoredBy } = options;
  const env = await toolEnvironment(connection, {
    database,
    scratch: context.scratch,
    settings: lcMonetary === null ? {} : { lc_monetary: lcMonetary },
  });
  // In one transaction there would be a lock on every object; the database is new, so what a failure leaves is dropped whole.
  const { program, args } = {
    pg_restore: {
      program: tools.pgRestore,
      args: ['--format=custom', '--exit-on-error', '--no-password', `--dbname=${database}`],
    },
    psql: {
      program: tools.psql,
      args: ['--no-psqlrc', '--quiet', '--no-password', '--set=ON_ERROR_STOP=1', '--file=-'],
    },
  }[restoredBy];
  await feedTool({ program, tool: restoredBy, args, env, doing, bytes: counted(options), signal: context.signal });
}
