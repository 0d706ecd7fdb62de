import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import neo4j from 'neo4j-driver';
import { freePort } from '../../lib/servers/free-port.ts';
import { neo4jEnvironment, prepareNeo4j } from '../../lib/servers/neo4j-server.ts';
import { startWatchdog } from '../../lib/servers/watchdog.ts';

/** Of the user `neo4j` in a new server's data. It has what has to be quoted somewhere. */
export const testPassword = "pa:ss@w/or\\d%'";

/** Statements for which a server loads what most tests need. */
const usual = [
  'CREATE CONSTRAINT usual FOR (n:Usual) REQUIRE n.id IS UNIQUE',
  'CREATE FULLTEXT INDEX words FOR (n:Usual) ON EACH [n.text]',
  "UNWIND range(1, 10) AS id CREATE (:Usual {id: id, text: 'text ' + id, at: datetime()})",
  'MATCH (a:Usual), (b:Usual {id: a.id % 10 + 1}) CREATE (a)-[:NEXT {n: a.id}]->(b)',
  'MATCH ()-[r]->() CALL { WITH r DELETE r } IN TRANSACTIONS',
  'MATCH (n) CALL { WITH n DETACH DELETE n } IN TRANSACTIONS',
  'SHOW CONSTRAINTS YIELD name',
  'DROP CONSTRAINT usual',
  'SHOW INDEXES YIELD name',
  'DROP INDEX words',
];

/**
 * Makes what a server of a test starts faster with: `archives/`, the classes of each program as the JVM keeps them, and `data/`, that of a server
 * which has been started once, with the tests' password.
 */
export async function makeArchives(folder: string): Promise<void> {
  const archives = path.join(folder, 'archives');
  mkdirSync(archives);
  const archiveOf = (program: string) => ({ HOLDFAST_ARCHIVE_CLASSES: path.join(archives, `${program}.jsa`) });
  const home = mkdtempSync(path.join(tmpdir(), 'holdfast-neo4j-'));
  const watchdog = startWatchdog({ signal: 'KILL', removeFolder: home });
  try {
    const program = (name: string): string => path.join(folder, 'bin', name);
    const prepare = async (options: { readonly password?: string; readonly environment?: Record<string, string> }) => {
      const port = await freePort();
      const programs = { neo4j: program('neo4j'), neo4jAdmin: program('neo4j-admin') };
      return { port, server: await prepareNeo4j({ programs, home, port, watchdog, ...options }) };
    };
    const first = await prepare({ password: testPassword });
    await first.server.start();
    await first.server.end('SIGTERM');
    cpSync(path.join(home, 'data'), path.join(folder, 'data'), { recursive: true });

    const { port, server } = await prepare({ environment: archiveOf('neo4j') });
    await server.start();
    const driver = neo4j.driver(`bolt://127.0.0.1:${port}`, neo4j.auth.basic('neo4j', testPassword));
    const session = driver.session();
    for (const statement of usual) await session.run(statement);
    await session.close();
    const run = (name: string, args: readonly string[], environment: Record<string, string>) =>
      promisify(execFile)(program(name), args, {
        env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...neo4jEnvironment(home), ...environment },
        maxBuffer: 64 * 1024 * 1024,
      });
    await run('cypher-shell', ['--address', `bolt://127.0.0.1:${port}`, '--username', 'neo4j', 'RETURN 1'], {
      NEO4J_PASSWORD: testPassword,
      ...archiveOf('cypher-shell'),
    });
    await driver.close();
    await server.end('SIGTERM');
    await run('neo4j-admin', ['database', 'check', 'neo4j', `--report-path=${home}`], archiveOf('neo4j-admin'));
  } finally {
    await watchdog.release();
    rmSync(home, { recursive: true, force: true });
  }
}
