import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { HoldfastConfig } from '../config/config.ts';
import { taskExtrasOf, taskFolders } from '../config/targets/task-folders.ts';
import { HoldfastError } from '../core/errors.ts';
import { keptPrograms } from './kept-programs.ts';
import { buildFolder, type FunctionName, functionNames, projectRoot, taskName } from './programs.ts';

/** The file beside each program that holds the resolved configuration; programs find it by `HOLDFAST_CONFIG`. */
export const configFileName = 'holdfast.json';

/**
 * The programs of one app, bundled: a folder per function (`index.mjs`) and per task image (`main.mjs`, programs of its threads, compiled packages, Dockerfile), each with the
 * resolved configuration beside it. Made once per app, before its stacks. The same sources and configuration give the same bytes.
 */
export class Bundle {
  readonly #directory: string;

  /**
   * Takes the programs that were bundled for an earlier app if their sources are the same; with `withCode: false`, for those who look
   * at templates only, the programs are left out.
   */
  constructor(config: HoldfastConfig, { withCode = true }: { readonly withCode?: boolean } = {}) {
    mkdirSync(buildFolder, { recursive: true });
    this.#directory = mkdtempSync(join(buildFolder, 'bundle-'));
    leftovers.add(this.#directory);
    if (withCode) linkPrograms(keptPrograms(), this.#directory);
    const baked = `${JSON.stringify(withoutPlace(config), null, 2)}\n`;
    for (const name of [...functionNames, ...taskFolders.map(taskName)]) {
      mkdirSync(join(this.#directory, name), { recursive: true });
      writeFileSync(join(this.#directory, name, configFileName), baked);
    }
    for (const folder of taskFolders)
      for (const file of ['Dockerfile', '.dockerignore'])
        cpSync(join(projectRoot, 'tasks', folder, file), join(this.#directory, taskName(folder), file));
    if (withCode) for (const folder of taskFolders) copyCompiled(config, join(this.#directory, taskName(folder)));
  }

  /** The folder that becomes the function's code. */
  functionDirectory(name: FunctionName): string {
    return join(this.#directory, name);
  }

  /** The build context of the image that is made from that folder below `tasks/`. */
  taskDirectory(folder: string): string {
    return join(this.#directory, taskName(folder));
  }
}

/** Folders of this process's bundles. An app copies what it takes from them, so they go when the process ends. */
const leftovers = new Set<string>();
process.once('exit', () => {
  for (const directory of leftovers) rmSync(directory, { recursive: true, force: true });
});

/** The same files under another name: CDK takes copies of them, and nobody writes to either. */
function linkPrograms(from: string, directory: string): void {
  for (const name of readdirSync(from)) {
    mkdirSync(join(directory, name), { recursive: true });
    for (const file of readdirSync(join(from, name))) {
      try {
        linkSync(join(from, name, file), join(directory, name, file));
      } catch {
        // There are file systems without links.
        copyFileSync(join(from, name, file), join(directory, name, file));
      }
    }
  }
}

/**
 * Puts compiled packages beside the program. A machine of another kind than the tasks' has not installed what is for theirs; who has no
 * target that needs it does without.
 */
function copyCompiled({ targets }: HoldfastConfig, directory: string): void {
  const source = (name: string): string => join(projectRoot, 'node_modules', name);
  const needed = taskExtrasOf(targets.map(({ engine }) => engine)).flatMap(({ platformPackages }) => platformPackages);
  const missing = needed.find((name) => !existsSync(source(name)));
  if (missing !== undefined)
    throw new HoldfastError('tool-missing', `'${missing}', which tasks on AWS need, is not installed`, {
      hint: "this machine is of another kind than the tasks: deploy from a clone in which 'npm ci --os=linux --cpu=x64' was run",
    });
  const all = taskExtrasOf().flatMap(({ packages, platformPackages }) => [...packages, ...platformPackages]);
  for (const name of all.filter((one) => existsSync(source(one))))
    cpSync(source(name), join(directory, 'node_modules', name), { recursive: true });
}

/** The configuration without paths that nothing on AWS reads, so that two clones of one project give the same assets. */
function withoutPlace(config: HoldfastConfig): HoldfastConfig {
  return config.encryption.keys === 'key-file'
    ? config
    : { ...config, encryption: { ...config.encryption, keyFile: 'holdfast.key' } };
}
