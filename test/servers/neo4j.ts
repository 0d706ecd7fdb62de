import { cpSync, existsSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import neo4j, { type Driver } from 'neo4j-driver';
import { prepareNeo4j } from '../../lib/servers/neo4j-server.ts';
import { ensureNeo4j } from '../../scripts/servers/neo4j.ts';
import { testPassword as password } from '../../scripts/servers/neo4j-archives.ts';
import { ownServer } from './own-server.ts';

/** A real Neo4j server of a test, Community edition, on 127.0.0.1 with a password. It takes some seconds to start: share one within a file. */
export type Neo4jServer = AsyncDisposable & {
  readonly uri: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** NEO4J_HOME of this server: `data`, `conf` and `logs` are below. */
  readonly home: string;
  /** The folder of `neo4j`, `neo4j-admin` and `cypher-shell`. */
  readonly binDir: string;
  readonly driver: Driver;
  /** Runs one statement by itself, and gives its rows as lists. */
  run(statement: string, parameters?: Record<string, unknown>): Promise<unknown[][]>;
  /** Removes everything: elements, constraints, indexes. */
  clear(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** SIGKILL: a crash. */
  kill(): Promise<void>;
};

/** A name in a statement. */
export const quoted = (name: string): string => `\`${name.replaceAll('`', '``').replaceAll('\\', '\\u005c')}\``;

/** Starts a server with an empty database. Ended and removed by disposing it, or when the test process ends in whatever way. */
export async function neo4jServer(
  options: {
    readonly settings?: Readonly<Record<string, string>>;
    readonly heapMiB?: number;
    readonly java?: string;
    /** Jars of procedures. */
    readonly plugins?: readonly string[];
  } = {},
): Promise<Neo4jServer> {
  const installed = await ensureNeo4j((line) => console.error(line));
  const binDir = path.join(installed, 'bin');
  const data = path.join(installed, 'data');
  const started = await ownServer({
    name: 'neo4j',
    signal: 'TERM',
    prepare: async ({ folder: home, port, watchdog }) => {
      const programs = { neo4j: path.join(binDir, 'neo4j'), neo4jAdmin: path.join(binDir, 'neo4j-admin') };
      // A Neo4j that a user has named has no data for tests.
      const isNew = !existsSync(data);
      if (!isNew) cpSync(data, path.join(home, 'data'), { recursive: true });
      const server = await prepareNeo4j({ programs, home, port, watchdog, ...(isNew && { password }), ...options });
      for (const jar of options.plugins ?? []) symlinkSync(jar, path.join(home, 'plugins', path.basename(jar)));
      return server;
    },
  });
  const { folder: home, port, start, end } = started;
  const uri = `bolt://127.0.0.1:${port}`;
  const driver = neo4j.driver(uri, neo4j.auth.basic('neo4j', password), { useBigInt: true });

  async function run(statement: string, parameters: Record<string, unknown> = {}): Promise<unknown[][]> {
    const session = driver.session({ database: 'neo4j' });
    try {
      const { records } = await session.run(statement, parameters);
      return records.map((record) => [...record.values()]);
    } finally {
      await session.close();
    }
  }

  async function clear(): Promise<void> {
    await run('MATCH ()-[r]->() CALL { WITH r DELETE r } IN TRANSACTIONS');
    await run('MATCH (n) CALL { WITH n DETACH DELETE n } IN TRANSACTIONS');
    for (const [name] of await run('SHOW CONSTRAINTS YIELD name')) await run(`DROP CONSTRAINT ${quoted(String(name))}`);
    const named = "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name";
    for (const [name] of await run(named)) await run(`DROP INDEX ${quoted(String(name))}`);
  }

  return {
    uri,
    host: '127.0.0.1',
    port,
    user: 'neo4j',
    password,
    home,
    binDir,
    driver,
    run,
    clear,
    stop: () => end('SIGTERM'),
    start,
    kill: () => end('SIGKILL'),
    async [Symbol.asyncDispose]() {
      await driver.close();
      await started[Symbol.asyncDispose]();
    },
  };
}
