import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type BuildOptions, buildSync } from 'esbuild';
import type { HoldfastConfig } from '../config/config.ts';
import { taskExtrasOf, taskFolders } from '../config/targets/task-folders.ts';
import { HoldfastError } from '../core/errors.ts';

/** Every Lambda function, by the name of its folder under `lambdas/`. */
export const functionNames = [
  'admit-backup',
  'admit-restore',
  'admit-restore-test',
  'ask-approval',
  'plan-recovery',
  'verify-recovery',
  'judge-attempt',
  'validate-backup',
  'record-outcome',
  'release-lease',
  'publish-outcome',
  'raise-failure',
  'plan-cleanup',
  'sweep-expired',
  'end-cleanup',
  'catalog',
  'reconcile',
  'schedules',
  'hold-backup',
  'watch',
  'check-health',
  'notify',
  'take-requests',
  'start-services',
  'api',
] as const;
export type FunctionName = (typeof functionNames)[number];

/** The file beside each program that holds the resolved configuration; programs find it by `HOLDFAST_CONFIG`. */
export const configFileName = 'holdfast.json';

/** The programs beside each other in a task's image, and where their sources are. */
const taskPrograms: Readonly<Record<string, (folder: string) => string>> = {
  main: (folder) => `tasks/${folder}/main.ts`,
  ...Object.fromEntries(
    taskExtrasOf().flatMap(({ programs }) => Object.entries(programs).map(([name, file]) => [name, () => file])),
  ),
};

const taskName = (folder: string): string => `task-${folder}`;

const projectRoot = resolve(import.meta.dirname, '../..');

/** ESM bundles may hold CommonJS dependencies, which expect `require` and the names of their own file. */
export const requireShim = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { dirname as __dirnameOf } from 'node:path';",
  "import { fileURLToPath as __fileOf } from 'node:url';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = __fileOf(import.meta.url);',
  'const __dirname = __dirnameOf(__filename);',
].join('');

/**
 * The programs of one app, bundled: a folder per function (`index.mjs`) and per task image (`main.mjs`, programs of its threads, compiled packages, Dockerfile), each with the
 * resolved configuration beside it. Made once per app, before its stacks. The same sources and configuration give the same bytes.
 */
export class Bundle {
  readonly #directory: string;

  /**
   * Bundles everything in one call of esbuild, which takes a second or two; with `withCode: false`, for those who look at templates only,
   * the programs are left out.
   */
  constructor(config: HoldfastConfig, { withCode = true }: { readonly withCode?: boolean } = {}) {
    // Inside the project, so that the relative paths in source maps do not depend on where temporary files go.
    mkdirSync(join(projectRoot, '.cache'), { recursive: true });
    this.#directory = mkdtempSync(join(projectRoot, '.cache', 'bundle-'));
    leftovers.add(this.#directory);
    if (withCode) buildPrograms(this.#directory);
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

function buildPrograms(directory: string): void {
  try {
    buildSync(buildOptions(directory));
  } catch (cause) {
    // esbuild has said where already; its error repeats it at length.
    throw new HoldfastError('internal', 'the programs could not be bundled', { cause });
  }
}

function buildOptions(directory: string): BuildOptions {
  return {
    absWorkingDir: projectRoot,
    entryPoints: [
      ...functionNames.map((name) => ({ in: `lambdas/${name}/handler.ts`, out: `${name}/index` })),
      ...taskFolders.flatMap((folder) =>
        Object.entries(taskPrograms).map(([name, file]) => ({ in: file(folder), out: `${taskName(folder)}/${name}` })),
      ),
    ],
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    sourcemap: 'linked',
    sourcesContent: false,
    keepNames: true,
    banner: { js: requireShim },
    // Optional native accelerator of `pg`: never installed, and asked for only by those who want it.
    external: ['pg-native'],
    logLevel: 'error',
  };
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
