import { pathToFileURL } from 'node:url';
import { importsOf, resolveImport, sourceFiles, sourceText } from './source-files.ts';

const foundation = ['lib/core', 'lib/config', 'lib/observe', 'lib/version.ts'];
const parts = [
  'lib/store',
  'lib/keys',
  'lib/pipeline',
  'lib/wal',
  'lib/servers',
  'lib/engines',
  'lib/catalog',
  'lib/services',
  'lib/lifecycle',
  'lib/runner',
];
const programs = ['lib/api', 'lib/cli', 'lib/local', 'lambdas', 'tasks'];
// What is deployed is described by these four together, and none of them is part of what runs.
const definitions = [
  'lib/core',
  'lib/config',
  'lib/version.ts',
  'lib/workflows',
  'lib/constructs',
  'lib/checks',
  'lib/stacks',
];

/**
 * What each folder may import from, beside itself: folders, or single files. Imports run one way, from programs to parts to the
 * foundation. A folder that is missing here is an error, so that a new one is thought about.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'lib/version.ts': [],
  'lib/core': [],
  'lib/config': ['lib/core', 'lib/version.ts'],
  'lib/observe': foundation,
  // Database servers as children: started, watched over, ended.
  'lib/servers': foundation,
  // Engines know nothing of stores, compression, keys, leases or the catalog.
  'lib/engines': [...foundation, 'lib/servers', 'lib/runner/child.ts', 'lib/pipeline/free-memory.ts'],
  'lib/store': foundation,
  'lib/keys': foundation,
  'lib/catalog': [...foundation, 'lib/store'],
  'lib/pipeline': [...foundation, 'lib/store', 'lib/keys'],
  // Between the replication protocol and the store: engines know no store, and stores no protocol.
  'lib/wal': [...foundation, 'lib/store', 'lib/keys', 'lib/pipeline', 'lib/engines'],
  // Services of sources, which runs stop and start.
  'lib/services': [...foundation, 'lib/store', 'lib/engines/engine.ts', 'lib/runner/child.ts'],
  'lib/lifecycle': [...foundation, ...parts],
  'lib/runner': [...foundation, ...parts],
  'lib/api': [...foundation, ...parts],
  'lib/local': [...foundation, ...parts, ...programs],
  'lib/cli': [...foundation, ...parts, ...programs],
  lambdas: [...foundation, ...parts, 'lib/api'],
  tasks: [...foundation, ...parts],
  'lib/workflows': definitions,
  'lib/constructs': definitions,
  'lib/checks': definitions,
  'lib/stacks': definitions,
};

/** The only places that may load the CDK: it is slow to load and has no business in anything that runs. */
const cdkPlaces = [
  'lib/workflows/',
  'lib/constructs/',
  'lib/checks/',
  'lib/stacks/',
  'bin/app.ts',
  'test/',
  'scripts/',
];
const environmentPlaces = ['lib/config/', 'lib/observe/', 'bin/', 'scripts/', 'test/', 'bench/'];
const sqlPlaces = [
  'lib/catalog/',
  'lib/engines/',
  'lib/local/demo/',
  'lib/local/create-databases.ts',
  'lib/local/master-role.ts',
  'test/',
  'bench/',
];

// One variable or several; an entry point may hand the whole to lib/config.
const environmentRead = /\bprocess\.env(?:\.|\?\.|\[)|\}(?:: [^=]+)? = process\.env\b/;
const sql =
  /['"`]\s*(?:select\s[^'"`]*\sfrom\s|insert into\s|update \S+ set\s|delete from\s|(?:create|alter|drop) (?:table|schema|database|role|index|view|function|sequence)\s)/;

/** One sentence for each line that breaks a rule; empty when all is well. */
export function importProblems(files: readonly string[], textOf: (file: string) => string = sourceText): string[] {
  const isIn = (file: string, places: readonly string[]) => places.some((place) => file.startsWith(place));
  return files.flatMap((file) => {
    const problems: string[] = [];
    const text = textOf(file);
    for (const specifier of importsOf(file, text)) {
      const imported = resolveImport(file, specifier);
      const isCdk = /^(aws-cdk-lib|constructs|cdk-nag)(\/|$)/.test(specifier);
      if (isCdk && !isIn(file, cdkPlaces)) problems.push(`${file}: '${specifier}' is for stacks and constructs only`);
      if (imported !== undefined) problems.push(...directionProblem(file, imported));
    }
    if (environmentRead.test(text) && !isIn(file, environmentPlaces)) {
      problems.push(`${file}: reads the environment; that is for lib/config`);
    }
    if (sql.test(text) && !isIn(file, sqlPlaces))
      problems.push(`${file}: holds SQL; that is for lib/catalog and lib/engines`);
    return problems;
  });
}

function directionProblem(file: string, imported: string): string[] {
  const from = folderOf(file);
  const to = folderOf(imported);
  // bin, test, scripts and bench are where the parts are put together.
  if (from === undefined || from === to) return [];
  const allowed = mayImport[from];
  if (allowed === undefined) return [`${file}: '${from}' has no row in scripts/check-imports.ts`];
  if (to === undefined) return [`${file}: imports '${imported}', which is not for programs to import`];
  return allowed.includes(to) || allowed.includes(imported)
    ? []
    : [`${file}: '${from}' may not import '${to}' ('${imported}')`];
}

/** The part of the project that a file belongs to; undefined for those that no rule binds. */
function folderOf(file: string): string | undefined {
  if (file === 'package.json') return 'lib/version.ts';
  const [first = '', second = ''] = file.split('/');
  if (first === 'lib') return `lib/${second}`;
  return ['lambdas', 'tasks'].includes(first) ? first : undefined;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = importProblems(sourceFiles('bin', 'lib', 'lambdas', 'tasks'));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
