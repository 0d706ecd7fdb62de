import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createEverything } from '../engines/neo4j/everything.ts';
import { neo4jServer } from '../servers/neo4j.ts';
import { type MatrixSubject, matrixSuite } from './matrix-suite.ts';

// One server is both: what was backed up is gone, or something else is there, before it comes back.
matrixSuite('neo4j', { method: 'logical', format: 'cypher' }, async (): Promise<MatrixSubject> => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await neo4jServer());
  await createEverything(server, { people: 300 });
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-neo4j-matrix-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const password = path.join(folder, 'password');
  writeFileSync(password, server.password, { mode: 0o600 });
  const target = (name: string): string =>
    `  - { name: ${name}, engine: neo4j, connection: { host: 127.0.0.1, port: ${server.port}, tls: disable, password: { file: ${password} } } }\n`;
  const kept = stack.move();
  let written = 0;
  return {
    targets: target('source') + target('destination'),
    async write() {
      written += 1;
      await server.run('MERGE (n:Written {slot: $slot}) SET n.value = $value', {
        slot: BigInt(written % 100),
        value: BigInt(written),
      });
    },
    empty: () => server.clear(),
    async fill() {
      await server.clear();
      await server.run('CREATE CONSTRAINT person_id FOR (n:Person) REQUIRE n.id IS UNIQUE');
      await server.run('UNWIND range(1, 50) AS id CREATE (:Person {id: id, name: "of another time"})');
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
});
