import { existsSync } from 'node:fs';
import path from 'node:path';
import { importsOf, resolveImport, root, sourceFiles } from './source-files.ts';

/** Every test file. */
export function testFiles(): readonly string[] {
  return sourceFiles('test').filter((file) => file.endsWith('.test.ts'));
}

/** Tests of many parts put together: the whole local stack, and suites that every store and engine has to pass. */
const wholes = ['test/conformance/', 'test/local/'] as const;

/**
 * The test files that need nothing but the packages, and put no more than a few parts together: those that do not import `test/servers/`,
 * directly or through another file of `test/`. They are what `npm run check` runs.
 */
export function quickTestFiles(): readonly string[] {
  return testFiles().filter(
    (file) => !wholes.some((folder) => file.startsWith(folder)) && !needsServers(file, new Set()),
  );
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
