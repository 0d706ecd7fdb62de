import { existsSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { importsOf, resolveImport, root, sourceText } from './source-files.ts';

/** Test files as they share processes: each group one, and each of the rest its own. */
export type Grouped = { readonly groups: readonly (readonly string[])[]; readonly alone: readonly string[] };

/**
 * What a file does not do that shares a process with others: have hooks for the whole of it, change what belongs to the process, mock, or ask for
 * snapshots, which lie beside the file that a process was started with. What a test changes in another way is found after it, by `runTogether`.
 */
const claimsProcess =
  /^(?:before|after|beforeEach|afterEach)\(|\bprocess\.(?:chdir|umask|exit|on)\(|\bprocess\.(?:exitCode|env(?:\.\w+|\[[^\]]+\])) = |\bdelete process\.env|\bglobalThis\.\w+ = |\bmock\.|\.snapshot\(|\bimport\.meta\.main\b/m;

/** It takes a second to load, and files that load it make the same templates: they are together, and apart from the rest. */
const slowPackage = 'aws-cdk-lib';

/** A file that bundles all programs takes longer than a group. */
const bundles = 'lib/constructs/kept-programs.ts';

/**
 * Divides test files into those that share a process and those that do not: to start one and to load what is tested takes many of them ten times
 * as long as their tests. There are as many groups as there are cores, of files that load the CDK and of others.
 */
export function groupTestFiles(files: readonly string[], groupsOfEach = availableParallelism()): Grouped {
  const isAlone = (file: string): boolean =>
    importsOf(file).some((specifier) => resolveImport(file, specifier) === bundles) ||
    reaches(file, (reached) => !/^(?:lib|scripts)\//.test(reached) && claimsProcess.test(sourceText(reached)));
  const alone = new Set(files.filter(isAlone));
  const together = Map.groupBy(
    files.filter((file) => !alone.has(file)),
    (file) => reaches(file, loadsSlowPackage),
  );
  const groups = [true, false].flatMap((isSlow) => divide(together.get(isSlow) ?? [], groupsOfEach));
  return { groups, alone: [...alone] };
}

function loadsSlowPackage(file: string): boolean {
  return importsOf(file).some((specifier) => specifier === slowPackage || specifier.startsWith(`${slowPackage}/`));
}

/** Whether it is so for the file, or for one of the project that it imports, itself or through another. */
function reaches(file: string, isSo: (reached: string) => boolean, seen = new Set<string>()): boolean {
  if (seen.has(file) || !existsSync(path.join(root, file))) return false;
  seen.add(file);
  if (isSo(file)) return true;
  return importsOf(file).some((specifier) => {
    const imported = resolveImport(file, specifier);
    return imported !== undefined && reaches(imported, isSo, seen);
  });
}

/** In turn, so that neighbours, which often take as long as each other, are spread. */
function divide(files: readonly string[], parts: number): readonly (readonly string[])[] {
  const divided = Array.from({ length: parts }, (_, part) => files.filter((_file, index) => index % parts === part));
  return divided.filter((group) => group.length > 0);
}

/** Writes a program for each group into the folder, to be given to Node's test runner in the place of the group's files; gives their paths. */
export function writeGroupPrograms(groups: readonly (readonly string[])[], folder: string): readonly string[] {
  const loader = pathToFileURL(path.join(root, 'scripts/run-together.ts')).href;
  return groups.map((files, index) => {
    const program = path.join(folder, `group-${index + 1}.mjs`);
    const text = `import { runTogether } from '${loader}';\nawait runTogether(${JSON.stringify(files, null, 2)});\n`;
    writeFileSync(program, text);
    return program;
  });
}
