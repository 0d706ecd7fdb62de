import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import neo4j from 'neo4j-driver';
import { demoFolder } from '../../config/files.ts';
import { HoldfastError } from '../../core/errors.ts';
import { findNeo4j, type Neo4jTools } from '../../engines/neo4j/tools.ts';
import type { ChildServer } from '../../servers/child-server.ts';
import { prepareNeo4j } from '../../servers/neo4j-server.ts';
import { startWatchdog } from '../../servers/watchdog.ts';
import type { DemoRestore, DemoSource, LeftOut } from './demo-source.ts';
import { stablePort } from './stable-port.ts';

/** The Community edition has one database: the copy takes its place once it has been compared. */
export const neo4jRestore: DemoRestore = { as: 'neo4j', replace: true };

/**
 * A Neo4j server with a small graph, where this machine has the program. It takes seconds to start, so it does while other sources are shown;
 * `ready` resolves when it has.
 */
export async function openDemoNeo4j(progress: (line: string) => void): Promise<DemoSource | LeftOut> {
  const tools = await findTools();
  if (typeof tools === 'string') return { engine: 'neo4j', why: tools };
  progress('starting the demo Neo4j');
  const port = await stablePort('neo4j');
  const password = keptPassword();
  const home = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
  const watchdog = startWatchdog({ signal: 'KILL', removeFolder: home });
  let server: ChildServer | undefined;
  const ready = (async () => {
    server = await prepareNeo4j({ programs: tools, home, port, password, watchdog });
    await server.start();
    await fill(port, password);
  })();
  // Whoever shows it hears of it.
  ready.catch(() => {});
  return {
    target: 'demo-graph',
    yaml: `  - name: demo-graph
    engine: neo4j
    connection: { host: 127.0.0.1, port: ${port}, user: neo4j, password: { file: ${passwordName} }, tls: disable }
`,
    ready,
    async close() {
      await ready.catch(() => {});
      await server?.end('SIGKILL');
      await watchdog.release();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function findTools(): Promise<Neo4jTools | string> {
  try {
    return await findNeo4j('5.0.0');
  } catch (error) {
    if (error instanceof HoldfastError && (error.code === 'tool-missing' || error.code === 'version-mismatch'))
      return `${error.message}; ${error.hint}`;
    throw error;
  }
}

const passwordName = 'neo4j-password';

/** The same from start to start, so that a configuration that was read before stays right. */
function keptPassword(): string {
  const file = join(demoFolder, passwordName);
  try {
    return readFileSync(file, 'utf8');
  } catch {
    const password = randomBytes(24).toString('base64url');
    writeFileSync(file, password, { mode: 0o600 });
    return password;
  }
}

async function fill(port: number, password: string): Promise<void> {
  const driver = neo4j.driver(`bolt://127.0.0.1:${port}`, neo4j.auth.basic('neo4j', password));
  try {
    for (const statement of statements) await driver.executeQuery(statement);
  } finally {
    await driver.close();
  }
}

const statements = [
  'CREATE CONSTRAINT person_name FOR (p:Person) REQUIRE p.name IS UNIQUE',
  'CREATE INDEX film_year FOR (f:Film) ON (f.year)',
  "UNWIND range(1, 500) AS n CREATE (:Person {name: 'person ' + n, born: date({year: 1940 + n % 60, month: 1 + n % 12, day: 1})})",
  "UNWIND range(1, 200) AS n CREATE (:Film {title: 'film ' + n, year: 1980 + n % 40, shotAt: point({latitude: n % 90, longitude: n})})",
  `MATCH (p:Person), (f:Film) WHERE (toInteger(split(p.name, ' ')[1]) * 7 + toInteger(split(f.title, ' ')[1])) % 50 = 0
   CREATE (p)-[:PLAYED_IN {role: 'role of ' + p.name}]->(f)`,
];
