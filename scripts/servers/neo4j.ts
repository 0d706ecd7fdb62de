import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolders } from '../../lib/config/cache-folder.ts';
import { buildFolder, publish, withLock } from '../../lib/local/install-cache.ts';
import { type Progress, runInstaller } from '../../lib/local/run-installer.ts';
import { ensureDebianPrograms } from './debian-programs.ts';
import { fromEnvironment, fromPath } from './find.ts';
import { makeArchives } from './neo4j-archives.ts';
import { ServerMissing } from './server-missing.ts';

/** The newest long-term version, whose Java (17) every current system has. */
export const neo4jVersion = '5.26.30';
const apocVersion = '5.26.19';

const ours = path.join(import.meta.dirname, 'neo4j');
const variable = 'HOLDFAST_TEST_NEO4J';
const dependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

/**
 * The folder whose `bin` holds `neo4j`, `neo4j-admin` and `cypher-shell` of the Community edition, and whose `data`, where it has that, is a new
 * server's: put together from Maven Central's jars when it is missing, once, in two minutes.
 */
export function ensureNeo4j(progress: Progress): Promise<string> {
  const named = fromEnvironment(variable, 'bin/neo4j-admin');
  if (named) return Promise.resolve(named);
  const name = `neo4j-${neo4jVersion}-v3`;
  return cachedOr(name, progress, async (folder, tools) => {
    await copyJars(tools, { pom: 'pom.xml', folder, version: `-Dneo4j.version=${neo4jVersion}`, progress });
    mkdirSync(path.join(folder, 'bin'));
    for (const program of ['neo4j', 'neo4j-admin', 'cypher-shell', 'java-options'])
      cpSync(path.join(ours, program), path.join(folder, 'bin', program));
    await removeSignatures(tools, path.join(folder, 'lib'));
    progress('starting it once, so that its next starts are faster');
    await makeArchives(folder);
  });
}

/** The folder whose `lib` holds the APOC procedures that go with that server. For benches alone. */
export function ensureApoc(progress: Progress): Promise<string> {
  return cachedOr(`neo4j-apoc-${apocVersion}`, progress, (folder, tools) =>
    copyJars(tools, { pom: 'apoc.xml', folder, version: `-Dapoc.version=${apocVersion}`, progress }),
  );
}

type Tools = { readonly mvn: string; readonly zip: string };

async function cachedOr(
  name: string,
  progress: Progress,
  make: (folder: string, tools: Tools) => Promise<void>,
): Promise<string> {
  const cached = () =>
    cacheFolders()
      .map((cache) => path.join(cache, name))
      .find((folder) => existsSync(folder));
  const found = cached();
  if (found) return found;
  return withLock(
    name,
    async () => cached() ?? (await build(name, progress, make)),
    () => progress(`waiting for another process that installs ${name}`),
  );
}

async function build(
  name: string,
  progress: Progress,
  make: (folder: string, tools: Tools) => Promise<void>,
): Promise<string> {
  const tools = await ensureTools(progress);
  progress(`putting ${name} together from Maven Central (once, about two minutes, 300 MB)`);
  const folder = buildFolder(name);
  try {
    await make(folder, tools);
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    if (cause instanceof ServerMissing) throw cause;
    throw new ServerMissing(
      `the test server ${name} could not be put together`,
      ['let mvn reach Maven Central', `or set ${variable} to the folder of an installed Neo4j`],
      { cause },
    );
  }
  publish(name, folder);
  return folder;
}

/** Neo4j 5 needs Java 17 or 21, and its jars are Maven's to fetch. */
async function ensureTools(progress: Progress): Promise<Tools> {
  const wanted = { java: 'openjdk-17-jre-headless', mvn: 'maven', zip: 'zip' };
  const { mvn, zip } = await ensureDebianPrograms(wanted, progress);
  requireJava();
  return { mvn, zip };
}

function requireJava(): void {
  const home = process.env['JAVA_HOME'];
  const java = home ? path.join(home, 'bin/java') : (fromPath('java') ?? 'java');
  const cures = ['install Java 17 (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME to one'];
  let version: string;
  try {
    version = execFileSync(java, ['--version'], { encoding: 'utf8' });
  } catch (cause) {
    throw new ServerMissing(`the test server Neo4j needs Java, and '${java}' does not run`, cures, { cause });
  }
  const major = Number(/^\S+ (\d+)/.exec(version)?.[1] ?? 0);
  if (major < 17) throw new ServerMissing(`the test server Neo4j needs Java 17, and '${java}' is ${major}`, cures);
}

async function copyJars(
  { mvn }: Tools,
  wanted: { readonly pom: string; readonly folder: string; readonly version: string; readonly progress: Progress },
): Promise<void> {
  const repository = path.join(wanted.folder, 'repository');
  await runInstaller(
    mvn,
    [
      ...['-B', '-ntp', '-q', `-Dmaven.repo.local=${repository}`, '-f', path.join(ours, wanted.pom), dependencyPlugin],
      ...[`-DoutputDirectory=${path.join(wanted.folder, 'lib')}`, '-DincludeScope=runtime', '-DexcludeTypes=pom'],
      wanted.version,
    ],
    { label: 'mvn', progress: wanted.progress },
  );
  // Every jar is in lib/ now.
  rmSync(repository, { recursive: true, force: true });
}

/**
 * The JVM keeps no classes of a signed jar in an archive, and to load those of eclipse-collections one by one is two fifths of a server's start and
 * of what neo4j-admin takes. Maven has checked what it fetched.
 */
async function removeSignatures({ zip }: Tools, lib: string): Promise<void> {
  for (const jar of globSync('eclipse-collections-*.jar', { cwd: lib }))
    await promisify(execFile)(zip, ['-q', '-d', path.join(lib, jar), 'META-INF/*.SF', 'META-INF/*.RSA']);
}
