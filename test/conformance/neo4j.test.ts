import { neo4jEngine } from '../../lib/engines/neo4j/neo4j-engine.ts';
import { contextFor } from '../engines/neo4j/run-engine.ts';
import { neo4jServer } from '../servers/neo4j.ts';
import { engineSuite, type Subject } from './engine-suite.ts';

engineSuite('neo4j, logical, cypher', async (): Promise<Subject> => {
  const [source, destination] = await Promise.all([neo4jServer(), neo4jServer()]);
  await source.run('CREATE CONSTRAINT item_id FOR (n:Item) REQUIRE n.id IS UNIQUE');
  await source.run('CREATE INDEX item_price FOR (n:Item) ON (n.price)');
  await source.run(
    'UNWIND range(1, 2000) AS id CREATE (:Item {id: id, price: id * 1.5, at: datetime({epochSeconds: id})})',
  );
  await source.run('MATCH (a:Item), (b:Item {id: a.id % 2000 + 1}) CREATE (a)-[:NEXT {id: a.id}]->(b)');
  return {
    engine: neo4jEngine(),
    request: { method: 'logical', format: 'cypher' },
    rows: 4000,
    context: (options) => contextFor(source, { ...options, parallelJobs: 3 }),
    destination: (options) => contextFor(destination, { ...options, parallelJobs: 3 }),
    source: 'neo4j',
    copy: 'neo4j',
    changeCopy: async () => void (await destination.run('MATCH ()-[r:NEXT {id: 1471}]->() SET r.id = -1')),
    list: async () =>
      [
        ...(await destination.run('SHOW INDEXES YIELD name RETURN name')),
        ...(await destination.run('MATCH (n) RETURN DISTINCT labels(n)[0]')),
        ...(await destination.run('MATCH (n) UNWIND keys(n) AS key RETURN DISTINCT key')),
      ].map(([name]) => String(name)),
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await destination[Symbol.asyncDispose]();
    },
  };
});
