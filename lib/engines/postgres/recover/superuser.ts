import { HoldfastError } from '../../../core/errors.ts';
import type { ServerPrograms } from '../server-programs.ts';
import type { DataFolder } from './data-folder.ts';
import { runProgram } from './run-program.ts';

/** The name of a superuser who may log in, of a cluster whose server has stopped. Its first one can have any name. */
export async function findSuperuser(options: {
  readonly programs: ServerPrograms;
  readonly data: DataFolder;
  readonly configFile: string;
}): Promise<string> {
  const { programs, data, configFile } = options;
  const answer = await runProgram({
    program: programs.postgres,
    args: ['--single', '-D', data.path, '-c', `config_file=${configFile}`, '-c', 'archive_mode=off', 'template1'],
    account: data.account,
    input: 'select rolname from pg_authid where rolsuper and rolcanlogin order by oid limit 1\n',
  });
  const [, name] = /rolname = "(.*)"\s*\(typeid/.exec(answer.stdout) ?? [];
  if (name === undefined)
    throw new HoldfastError('restore-failed', 'the restored cluster has no superuser that may log in');
  return name;
}
