import { execFile } from 'node:child_process';
import { access, constants, glob, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolders } from '../../config/cache-folder.ts';
import { javaEnvironment, namedNeo4jFolders, pathFolders, programEnvironment } from '../../config/program-folders.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { Neo4jPrograms } from '../../servers/neo4j-server.ts';

/** An installation of Neo4j: the server and its administration tool, of one version. */
export type Neo4jTools = Neo4jPrograms & {
  /** Like '5.26.30'. */
  readonly version: string;
};

/** Finds an installation that knows what a version of the server wrote. */
export type FindTools = (atLeast: string) => Promise<Neo4jTools>;

/**
 * An installation of that version or a later one: Neo4j reads what earlier versions wrote, not the other way round.
 *
 * Looks in `folders` (default: HOLDFAST_NEO4J_BIN), the system's usual places, PATH, and the cache. Rejects with `version-mismatch` when there
 * are only earlier ones, and with `tool-missing` when there are none.
 */
export async function findNeo4j(
  atLeast: string,
  options: { readonly folders?: readonly string[]; readonly elsewhere?: readonly string[] } = {},
): Promise<Neo4jTools> {
  const folders = [...(options.folders ?? namedNeo4jFolders()), ...(options.elsewhere ?? (await usualFolders()))];
  const others: string[] = [];
  for (const folder of new Set(folders)) {
    const found = await inspectFolder(folder);
    if (found === undefined) continue;
    if (!isOlder(found.version, atLeast)) return found;
    others.push(`${found.version} in '${folder}'`);
  }
  const hint =
    'install Neo4j (https://neo4j.com/docs/operations-manual/current/installation), or set HOLDFAST_NEO4J_BIN to its bin folder';
  if (others.length > 0)
    throw new HoldfastError(
      'version-mismatch',
      `Neo4j '${atLeast}' is needed, and only earlier ones were found: ${others.join(', ')}`,
      { hint },
    );
  throw new HoldfastError(
    'tool-missing',
    "the programs 'neo4j' and 'neo4j-admin' were not found, or have no Java to run on",
    { hint },
  );
}

async function usualFolders(): Promise<readonly string[]> {
  const cached = await Promise.all(
    cacheFolders().map((cache) =>
      Array.fromAsync(glob('neo4j-[0-9]*/bin', { cwd: cache }), (found) => path.join(cache, found)),
    ),
  );
  return ['/var/lib/neo4j/bin', '/usr/share/neo4j/bin', '/opt/neo4j/bin', ...pathFolders(), ...cached.flat()];
}

/** Versions of programs that were asked, by place and file: to ask one takes Java a second, and a run asks again and again. */
const knownVersions = new Map<string, string>();

async function inspectFolder(folder: string): Promise<Neo4jTools | undefined> {
  const [neo4j, neo4jAdmin] = [path.join(folder, 'neo4j'), path.join(folder, 'neo4j-admin')];
  try {
    for (const file of [neo4j, neo4jAdmin]) await access(file, constants.X_OK);
    const { ino, mtimeMs } = await stat(neo4jAdmin);
    const key = `${neo4jAdmin}:${ino}:${mtimeMs}`;
    const version = knownVersions.get(key) ?? (await askVersion(neo4jAdmin));
    if (version === undefined) return undefined;
    knownVersions.set(key, version);
    return { neo4j, neo4jAdmin, version };
  } catch {
    return undefined;
  }
}

async function askVersion(neo4jAdmin: string): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)(neo4jAdmin, ['--version'], {
    env: { ...programEnvironment(), ...javaEnvironment() },
    timeout: 60_000,
  });
  return /^(\d+\.\d+(?:\.\d+)?)/m.exec(stdout)?.[1];
}

/** Whether version `one` is older than `other`: `5.9.0` is older than `5.26.1`, and `5.26.1` than `2025.01.0`. */
export function isOlder(one: string, other: string): boolean {
  const [ours, theirs] = [one, other].map((version) => version.split('.').map(Number));
  for (const place of [0, 1, 2]) {
    const difference = (ours?.[place] ?? 0) - (theirs?.[place] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
