import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { cacheFolders, ServerMissing } from './cache.ts';

/** Prints one line of progress. */
export type Progress = (line: string) => void;

/**
 * The path that an environment variable names. A variable that names nothing is a mistake to report, not a reason to look
 * elsewhere.
 */
export function fromEnvironment(variable: string, inside: string): string | undefined {
  const value = process.env[variable];
  if (!value) return undefined;
  const program = path.join(value, inside);
  if (!isProgram(program)) throw new ServerMissing(`${variable} is '${value}', but '${program}' is no program`, []);
  return value;
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
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, program))
    .find(isProgram);
}

/** Whether the path is a file that this process may run. */
export function isProgram(file: string): boolean {
  if (!existsSync(file) || !statSync(file).isFile()) return false;
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
