import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The project's folder. */
export const root = path.resolve(import.meta.dirname, '..');

/** The TypeScript files below the folders, relative to the project's folder, in order. */
export function sourceFiles(...folders: readonly string[]): readonly string[] {
  return globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: root },
  ).sort();
}

/** The text of a source file. */
export function sourceText(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** What a file imports, as it is written there: `from '…'`, `import '…'` and `import('…')`; the formatter keeps the quotes single. */
export function importsOf(file: string, text = sourceText(file)): readonly string[] {
  const specifier = /(?:^|[\s}*])from '([^'\n]+)'|\bimport(?: |\()'([^'\n]+)'/g;
  return [...text.matchAll(specifier)].map((match) => match[1] ?? match[2] ?? '');
}

/** The file of a relative import, relative to the project's folder; undefined for a package. */
export function resolveImport(file: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? path.join(path.dirname(file), specifier) : undefined;
}
