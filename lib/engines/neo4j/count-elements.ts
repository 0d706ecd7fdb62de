import type { Session } from 'neo4j-driver';

/** How many nodes and relationships the server says that the database has, without looking at them. */
export async function countsOf(session: Session): Promise<{ readonly nodes: number; readonly relationships: number }> {
  const nodes = await session.run('MATCH (n) RETURN count(n)');
  const relationships = await session.run('MATCH ()-[r]->() RETURN count(r)');
  return {
    nodes: Number(nodes.records[0]?.get(0)),
    relationships: Number(relationships.records[0]?.get(0)),
  };
}
