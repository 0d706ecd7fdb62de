import { dirname, join, resolve } from 'node:path';

/** Where a local stack keeps its state: beside the configuration that it runs. */
export function stateDirectoryOf(configFile: string): string {
  return join(dirname(resolve(configFile)), '.holdfast');
}
