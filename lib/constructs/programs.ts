import { join, resolve } from 'node:path';
import { type BuildOptions, buildSync } from 'esbuild';
import { taskExtrasOf, taskFolders } from '../config/targets/task-folders.ts';
import { HoldfastError } from '../core/errors.ts';

export const projectRoot = resolve(import.meta.dirname, '../..');

/** Where programs and bundles are made: inside the project, so that the relative paths in source maps do not depend on where temporary files go. */
export const buildFolder = join(projectRoot, '.cache');

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

/** What to call a task's part of the programs, by the folder below `tasks/`. */
export const taskName = (folder: string): string => `task-${folder}`;

/** The programs beside each other in a task's image, and where their sources are. */
const taskPrograms: Readonly<Record<string, (folder: string) => string>> = {
  main: (folder) => `tasks/${folder}/main.ts`,
  ...Object.fromEntries(
    taskExtrasOf().flatMap(({ programs }) => Object.entries(programs).map(([name, file]) => [name, () => file])),
  ),
};

/** ESM bundles may hold CommonJS dependencies, which expect `require` and the names of their own file. */
export const requireShim = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { dirname as __dirnameOf } from 'node:path';",
  "import { fileURLToPath as __fileOf } from 'node:url';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = __fileOf(import.meta.url);',
  'const __dirname = __dirnameOf(__filename);',
].join('');

export const buildOptions: BuildOptions = {
  entryPoints: [
    ...functionNames.map((name) => ({ in: `lambdas/${name}/handler.ts`, out: `${name}/index` })),
    ...taskFolders.flatMap((folder) =>
      Object.entries(taskPrograms).map(([name, file]) => ({ in: file(folder), out: `${taskName(folder)}/${name}` })),
    ),
  ],
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

/**
 * Bundles every program into a folder directly below `buildFolder`: a folder per function and per task image. The same sources give the same
 * bytes. Gives the files that went in, relative to the project's folder.
 */
export function buildPrograms(directory: string): readonly string[] {
  try {
    const { metafile } = buildSync({ ...buildOptions, absWorkingDir: projectRoot, outdir: directory, metafile: true });
    return Object.keys(metafile.inputs);
  } catch (cause) {
    // esbuild has said where already; its error repeats it at length.
    throw new HoldfastError('internal', 'the programs could not be bundled', { cause });
  }
}
