import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createEverything } from '../engines/neo4j/everything.ts';
import { neo4jServer } from '../servers/neo4j.ts';
import { type MatrixSubject, matrixSuite } from './matrix-suite.ts';

matrixSuite('neo4j', { method: 'logical', format: 'cypher' }, async (): Promise<MatrixSubject> => {
  await using stack = new AsyncDisposableStack();
  const [source, destination] = await Promise.all([neo4jServer(), neo4jServer()]);
  stack.use(source);
  stack.use(destination);
  await createEverything(source, { people: 300 });
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-neo4j-matrix-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const password = path.join(folder, 'password');
  writeFileSync(password, source.password, { mode: 0o600 });
  const target = (name: string, { port }: { readonly port: number }): string =>
    `  - { name: ${name}, engine: neo4j, connection: { host: 127.0.0.1, port: ${port}, tls: disable, password: { file: ${password} } } }\n`;
  const kept = stack.move();
  let written = 0;
  return {
    targets: target('source', source) + target('destination', destination),
    async write() {
      written += 1;
      await source.run('MERGE (n:Written {slot: $slot}) SET n.value = $value', {
        slot: BigInt(written % 100),
        value: BigInt(written),
      });
    },
    empty: () => destination.clear(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
});
