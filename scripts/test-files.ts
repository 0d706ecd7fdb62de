import { existsSync } from 'node:fs';
import path from 'node:path';
import { importsOf, resolveImport, root, sourceFiles } from './source-files.ts';

/** Every test file. */
export function testFiles(): readonly string[] {
  return sourceFiles('test').filter((file) => file.endsWith('.test.ts'));
}

/**
 * The test files that need nothing but the packages: those that do not import `test/servers/`, directly or through another file of
 * `test/`. They are what `npm run check` runs.
 */
export function quickTestFiles(): readonly string[] {
  return testFiles().filter((file) => !needsServers(file, new Set()));
}

function needsServers(file: string, seen: Set<string>): boolean {
  if (file.startsWith('test/servers/')) return true;
  if (seen.has(file) || !existsSync(path.join(root, file))) return false;
  seen.add(file);
  return importsOf(file).some((specifier) => {
    const imported = resolveImport(file, specifier);
    return imported?.startsWith('test/') === true && needsServers(imported, seen);
  });
}
