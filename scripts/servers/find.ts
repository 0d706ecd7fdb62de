import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { cacheFolders } from '../../lib/config/cache-folder.ts';
import { pathFolders } from '../../lib/config/program-folders.ts';
import { ServerMissing } from './server-missing.ts';

/**
 * The path that an environment variable names, with the program `inside` it. A variable that names nothing is a mistake to report, not
 * a reason to look elsewhere.
 */
export function fromEnvironment(variable: string, inside: string): string | undefined {
  const value = process.env[variable];
  if (!value) return undefined;
  const program = path.join(value, inside);
  if (!isProgram(program)) {
    throw new ServerMissing(`'${program}' is no program`, [`correct ${variable}, which is '${value}', or unset it`]);
  }
  return path.resolve(value);
}

/** The first of the cache folders that holds `name` with the program `inside` it, links resolved. */
export function fromCache(name: string, inside: string): string | undefined {
  const found = cacheFolders()
    .map((folder) => path.join(folder, name))
    .find((candidate) => isProgram(path.join(candidate, inside)));
  return found && realpathSync(found);
}

/** The absolute path of a program on PATH. */
export function fromPath(program: string): string | undefined {
  return pathFolders()
    .map((folder) => path.join(folder, program))
    .find(isProgram);
}

/** Whether the path is a file that this process may run. */
export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
