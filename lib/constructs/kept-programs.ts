import { hash, randomUUID } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { version as bundlerVersion } from 'esbuild';
import { buildFolder, buildOptions, buildPrograms, projectRoot } from './programs.ts';
import { removeUnused } from './remove-unused.ts';

/** What is kept of a build: its folder, with the SHA-256 of every file in it, and the packages' files that went in, with theirs. */
type Kept = {
  readonly folder: string;
  readonly programs: Readonly<Record<string, string>>;
  readonly packages: Readonly<Record<string, string>>;
};

/**
 * The folder of the programs as the sources and packages are now, each in a folder of its own. They take a dozen CPU seconds to bundle and do not depend
 * on the configuration, so they are kept for the next app. Not to be written to.
 *
 * Invariant: what is kept was made of what its record says. The record is written last and in one step, and all that it names is looked at each time,
 * so that a build which ended halfway, or a package that was changed since, costs another build. Folders without a record go after a day.
 */
export function keptPrograms(): string {
  mkdirSync(buildFolder, { recursive: true });
  const sources = digestOfSources();
  const folder = wholeFolderOf(recordOf(sources)) ?? build(sources);
  if (folder === undefined) return keptPrograms();
  markUsed(recordOf(sources), folder);
  return folder;
}

const recordOf = (sources: string): string => join(buildFolder, `programs-${sources}.json`);

function wholeFolderOf(record: string): string | undefined {
  if (!existsSync(record)) return undefined;
  const { folder: name, programs, packages } = JSON.parse(readFileSync(record, 'utf8')) as Kept;
  const folder = join(buildFolder, name);
  const isWhole = hasFiles(folder, programs) && hasFiles(projectRoot, packages);
  return isWhole ? folder : undefined;
}

function hasFiles(folder: string, files: Readonly<Record<string, string>>): boolean {
  return Object.entries(files).every(([file, digest]) => digestOf(join(folder, file)) === digest);
}

/** Undefined when a source was changed meanwhile: what was made is of neither state. */
function build(sources: string): string | undefined {
  const folder = join(buildFolder, `programs-${randomUUID()}`);
  const inputs = buildPrograms(folder);
  if (digestOfSources() !== sources) return undefined;
  const kept: Kept = {
    folder: basename(folder),
    programs: digestsOf(folder, globSync('*/*', { cwd: folder })),
    packages: digestsOf(
      projectRoot,
      inputs.filter((file) => file.startsWith('node_modules/')),
    ),
  };
  const written = `${folder}.json`;
  writeFileSync(written, JSON.stringify(kept));
  renameSync(written, recordOf(sources));
  const all = readdirSync(buildFolder).filter((name) => name.startsWith('programs-'));
  removeUnused(all.map((name) => join(buildFolder, name)));
  return folder;
}

/** Of the project's own files that decide what a bundle holds, and of how it is made. Packages are looked at file by file. */
function digestOfSources(): string {
  const files = [
    'tsconfig.json',
    'package.json',
    ...globSync('{lib,lambdas,tasks}/**/*.ts', { cwd: projectRoot }).sort(),
  ];
  const all = JSON.stringify([bundlerVersion, buildOptions, digestsOf(projectRoot, files)]);
  return hash('sha256', all).slice(0, 32);
}

function digestsOf(folder: string, files: readonly string[]): Record<string, string> {
  return Object.fromEntries(files.map((file) => [file, digestOf(join(folder, file)) ?? '']));
}

function digestOf(file: string): string | undefined {
  const isThere = statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
  return isThere ? hash('sha256', readFileSync(file)) : undefined;
}

function markUsed(...paths: readonly string[]): void {
  const now = new Date();
  try {
    for (const path of paths) utimesSync(path, now, now);
  } catch {
    // They are another account's: it clears them away when it has not used them for a day.
  }
}
