import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type BuildOptions, buildSync } from 'esbuild';
import type { HoldfastConfig } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';

/** Every Lambda function, by the name of its folder under `lambdas/`. */
export const functionNames = [
  'admit-backup',
  'admit-restore',
  'admit-restore-test',
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
  'watch',
  'check-health',
  'notify',
  'take-requests',
  'api',
] as const;
export type FunctionName = (typeof functionNames)[number];

/** Every task image: the folder under `tasks/` that it is made from, and its name here. */
const taskFolders = { task: 'holdfast', 'restore-test-task': 'restore-test' } as const;

/** The file beside each program that holds the resolved configuration; programs find it by `HOLDFAST_CONFIG`. */
export const configFileName = 'holdfast.json';

const projectRoot = resolve(import.meta.dirname, '../..');

/** ESM bundles may hold CommonJS dependencies, which expect `require` and the names of their own file. */
const requireShim = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { dirname as __dirnameOf } from 'node:path';",
  "import { fileURLToPath as __fileOf } from 'node:url';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = __fileOf(import.meta.url);',
  'const __dirname = __dirnameOf(__filename);',
].join('');

/**
 * The programs of one app, bundled: a folder per function (`index.mjs`) and per task image (`main.mjs`, Dockerfile), each with the
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
    for (const name of Object.keys(taskFolders)) copyBinding(join(this.#directory, name, 'node_modules'));
    const baked = `${JSON.stringify(withoutPlace(config), null, 2)}\n`;
    for (const name of [...functionNames, ...Object.keys(taskFolders)]) {
      mkdirSync(join(this.#directory, name), { recursive: true });
      writeFileSync(join(this.#directory, name, configFileName), baked);
    }
    for (const [name, folder] of Object.entries(taskFolders))
      for (const file of ['Dockerfile', '.dockerignore'])
        cpSync(join(projectRoot, 'tasks', folder, file), join(this.#directory, name, file));
  }

  /** The folder that becomes the function's code. */
  functionDirectory(name: FunctionName): string {
    return join(this.#directory, name);
  }

  /** The build context of the image of backups and restores. */
  get taskDirectory(): string {
    return join(this.#directory, 'task');
  }

  /** The build context of the restore test's image. */
  get restoreTestDirectory(): string {
    return join(this.#directory, 'restore-test-task');
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
      ...Object.entries(taskFolders).flatMap(([name, folder]) => [
        { in: `tasks/${folder}/main.ts`, out: `${name}/main` },
        { in: 'lib/engines/application/tree/read-worker.ts', out: `${name}/read-worker` },
      ]),
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

/** What a task needs of the binding to the C library, which is compiled and so is not bundled: its JavaScript, and the module for tasks. */
const bindingFiles = [
  'koffi/package.json',
  'koffi/index.cjs',
  'koffi/src/koffi/index.cjs',
  'koffi/src/koffi/src/static.cjs',
  'koffi/LICENSE.txt',
  '@koromix/koffi-linux-x64/package.json',
  '@koromix/koffi-linux-x64/index.js',
  '@koromix/koffi-linux-x64/linux_x64/koffi.node',
];

/** Where npm has not installed it, since this is another platform, tasks do without: trees are backed up without extended attributes. */
function copyBinding(folder: string): void {
  for (const file of bindingFiles) {
    const source = join(projectRoot, 'node_modules', file);
    if (existsSync(source)) cpSync(source, join(folder, file));
  }
}

/** The configuration without paths that nothing on AWS reads, so that two clones of one project give the same assets. */
function withoutPlace(config: HoldfastConfig): HoldfastConfig {
  return config.encryption.keys === 'key-file'
    ? config
    : { ...config, encryption: { ...config.encryption, keyFile: 'holdfast.key' } };
}
