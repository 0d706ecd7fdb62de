import { neo4jEngine } from '../../lib/engines/neo4j/neo4j-engine.ts';
import { contextFor } from '../engines/neo4j/run-engine.ts';
import { neo4jServer } from '../servers/neo4j.ts';
import { engineSuite, type Subject } from './engine-suite.ts';

engineSuite('neo4j, logical, cypher', async (): Promise<Subject> => {
  const server = await neo4jServer();
  await server.run('CREATE CONSTRAINT item_id FOR (n:Item) REQUIRE n.id IS UNIQUE');
  await server.run('CREATE INDEX item_price FOR (n:Item) ON (n.price)');
  await server.run(
    'UNWIND range(1, 500) AS id CREATE (:Item {id: id, price: id * 1.5, at: datetime({epochSeconds: id})})',
  );
  await server.run('MATCH (a:Item), (b:Item {id: a.id % 500 + 1}) CREATE (a)-[:NEXT {id: a.id}]->(b)');
  return {
    engine: neo4jEngine(),
    request: { method: 'logical', format: 'cypher' },
    rows: 1000,
    context: (options) => contextFor(server, { ...options, parallelJobs: 3 }),
    makeRoom: () => server.clear(),
    source: 'neo4j',
    copy: 'neo4j',
    changeCopy: async () => void (await server.run('MATCH ()-[r:NEXT {id: 471}]->() SET r.id = -1')),
    list: async () =>
      [
        ...(await server.run('SHOW INDEXES YIELD name RETURN name')),
        ...(await server.run('MATCH (n) RETURN DISTINCT labels(n)[0]')),
        ...(await server.run('MATCH (n) UNWIND keys(n) AS key RETURN DISTINCT key')),
      ].map(([name]) => String(name)),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
});
