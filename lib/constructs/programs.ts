import { createHash, randomUUID } from 'node:crypto';
import { existsSync, globSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type BuildOptions, buildSync, version as bundlerVersion } from 'esbuild';
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

const buildOptions: BuildOptions = {
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

/** Bundles every program into a folder directly below `buildFolder`: a folder per function and per task image. The same sources give the same bytes. */
export function buildPrograms(directory: string): void {
  try {
    buildSync({ ...buildOptions, absWorkingDir: projectRoot, outdir: directory });
  } catch (cause) {
    // esbuild has said where already; its error repeats it at length.
    throw new HoldfastError('internal', 'the programs could not be bundled', { cause });
  }
}

/**
 * The folder of the programs as the sources are now, each in a folder of its own. They take a dozen CPU seconds to bundle and do not depend on the
 * configuration, so they are kept for the next app: under a name that says what they were made of. Not to be written to.
 */
export function keptPrograms(): string {
  const kept = join(buildFolder, `programs-${digestOfInputs()}`);
  if (!existsSync(kept)) {
    // Made under another name, so that nobody finds half of it; who was quicker with the same has made the same.
    const making = join(buildFolder, `programs-${randomUUID()}`);
    buildPrograms(making);
    if (existsSync(kept)) rmSync(making, { recursive: true });
    else renameSync(making, kept);
    removeUnused();
  }
  const now = new Date();
  utimesSync(kept, now, now);
  return kept;
}

/** Of everything that decides what a bundle holds: the sources, the packages as npm says it installed them, and how it is made. */
function digestOfInputs(): string {
  const hash = createHash('sha256').update(JSON.stringify([bundlerVersion, buildOptions]));
  const sources = globSync('{lib,lambdas,tasks}/**/*.{ts,mjs,json}', { cwd: projectRoot }).sort();
  for (const file of ['tsconfig.json', 'package.json', 'node_modules/.package-lock.json', ...sources])
    hash.update(`\n${file}\n`).update(readFileSync(join(projectRoot, file)));
  return hash.digest('hex').slice(0, 32);
}

const unusedMilliseconds = 24 * 3600_000;

function removeUnused(): void {
  for (const name of readdirSync(buildFolder).filter((entry) => entry.startsWith('programs-'))) {
    const folder = join(buildFolder, name);
    const usedAt = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - usedAt > unusedMilliseconds) rmSync(folder, { recursive: true, force: true });
  }
}
