import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { neo4jServer } from '../servers/neo4j.ts';
import { type MatrixSubject, matrixSuite } from './matrix-suite.ts';

// One server fills a database and is stopped for good. What it left is dumped and loaded by neo4j-admin alone.
matrixSuite('neo4j', { method: 'dump', format: 'dump' }, async (): Promise<MatrixSubject> => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await neo4jServer());
  await server.run('UNWIND range(1, 500) AS id CREATE (:Item {id: id, text: "text of " + id})-[:OF]->(:Order)');
  await server.run('CREATE CONSTRAINT item_id FOR (n:Item) REQUIRE n.id IS UNIQUE');
  await server.stop();
  process.env['HOLDFAST_NEO4J_BIN'] = server.binDir;
  const destination = mkdtempSync(path.join(tmpdir(), 'holdfast-neo4j-dump-matrix-'));
  stack.defer(() => rmSync(destination, { recursive: true, force: true }));
  mkdirSync(path.join(destination, 'conf'));
  writeFileSync(path.join(destination, 'conf/neo4j.conf'), 'db.tx_log.preallocate=false\n');
  const dataOf = (home: string): string => path.join(home, 'data');
  const empty = async (): Promise<void> => rmSync(dataOf(destination), { recursive: true, force: true });
  // Nothing listens on that port: both are stopped.
  const target = (name: string, home: string): string =>
    `  - { name: ${name}, engine: neo4j, home: ${home}, connection: { host: 127.0.0.1, port: 1, tls: disable } }\n`;
  const kept = stack.move();
  return {
    targets: target('source', server.home) + target('destination', destination),
    empty,
    async fill() {
      await empty();
      cpSync(dataOf(server.home), dataOf(destination), { recursive: true });
      writeFileSync(path.join(dataOf(destination), 'databases/neo4j/neostore.nodestore.db'), 'of another time');
    },
    async assertCopied() {
      assert.deepEqual(storeOf(destination), storeOf(server.home));
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
});

/** The files of the database in a stopped server's home, and what is in each. */
function storeOf(home: string): Readonly<Record<string, string>> {
  const folder = path.join(home, 'data/databases/neo4j');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const file = path.join(parentPath, name);
      return [path.relative(folder, file), createHash('sha256').update(readFileSync(file)).digest('hex')];
    }),
  );
}
