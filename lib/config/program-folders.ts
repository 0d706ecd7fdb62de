import path from 'node:path';

/** The folders that `HOLDFAST_PG_BIN` names, in the form of PATH: where PostgreSQL's client tools are looked for first. */
export function namedPostgresFolders(): readonly string[] {
  return absoluteFolders(process.env['HOLDFAST_PG_BIN']);
}

/** The folders that `HOLDFAST_PG_SERVERS` names, in the form of PATH: servers of the local stack's own, looked at last. */
export function embeddedPostgresFolders(): readonly string[] {
  return absoluteFolders(process.env['HOLDFAST_PG_SERVERS']);
}

/** The folders that `HOLDFAST_REDIS_BIN` names, in the form of PATH: where Redis and Valkey servers are looked for first. */
export function namedRedisFolders(): readonly string[] {
  return absoluteFolders(process.env['HOLDFAST_REDIS_BIN']);
}

/** The folders that `HOLDFAST_NEO4J_BIN` names, in the form of PATH: where Neo4j's programs are looked for first. */
export function namedNeo4jFolders(): readonly string[] {
  return absoluteFolders(process.env['HOLDFAST_NEO4J_BIN']);
}

/** Which Java Neo4j's programs run on, where it is not that of PATH. */
export function javaEnvironment(): Readonly<Record<string, string>> {
  const { JAVA_HOME } = process.env;
  return JAVA_HOME ? { JAVA_HOME } : {};
}

/** The absolute folders of PATH. */
export function pathFolders(): readonly string[] {
  return absoluteFolders(process.env['PATH']);
}

/** What another program needs of this process's environment to run at all: where programs and libraries are, and nothing secret. */
export function programEnvironment(): Readonly<Record<string, string>> {
  const { PATH, LD_LIBRARY_PATH } = process.env;
  return { ...(PATH !== undefined && { PATH }), ...(LD_LIBRARY_PATH !== undefined && { LD_LIBRARY_PATH }) };
}

function absoluteFolders(list: string | undefined): readonly string[] {
  return (list ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
}
