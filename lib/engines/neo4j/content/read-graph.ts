import type { Record as Row, Session } from 'neo4j-driver';
import { idProperty, nodeLabel, quoteName } from '../script/names.ts';
import { propertiesLiteral } from '../script/write-literal.ts';

/** Nodes first, then relationships; properties as the text that stands in scripts. */
export type GraphElement =
  | { readonly kind: 'node'; readonly id: number; readonly labels: readonly string[]; readonly properties: string }
  | {
      readonly kind: 'relationship';
      readonly start: number;
      readonly end: number;
      readonly type: string;
      readonly properties: string;
    };

const all = {
  nodes: 'MATCH (n) RETURN id(n), labels(n), properties(n)',
  relationships: 'MATCH (a)-[r]->(b) RETURN id(a), id(b), type(r), properties(r)',
};

const loading = `:${quoteName(nodeLabel)}`;
/** Of a restore in the making, beside what was there before. */
const loaded = {
  nodes: `MATCH (n${loading}) RETURN id(n), labels(n), properties(n)`,
  relationships: `MATCH (a${loading})-[r]->(b${loading}) RETURN id(a), id(b), type(r), properties(r)`,
};

/**
 * Every element of the graph that the session's database holds, or of what a restore has loaded, in one read transaction. The server gives them
 * as they are asked for, so that memory does not grow on either side. Neo4j reads what is committed at the moment of each single read: elements
 * that are changed meanwhile are in the state of one moment or another. Nodes and relationships never share a batch.
 */
export async function* readGraph(
  session: Session,
  options: { readonly dialect: string; readonly of?: 'all' | 'loaded'; readonly signal: AbortSignal },
): AsyncGenerator<readonly GraphElement[], void> {
  const queries = options.of === 'loaded' ? loaded : all;
  const transaction = await session.beginTransaction({ metadata: { app: 'holdfast' } });
  const stop = (): void => void transaction.close().catch(() => {});
  options.signal.addEventListener('abort', stop, { once: true });
  const isLoaded = options.of === 'loaded';
  try {
    yield* inBatches(transaction.run(options.dialect + queries.nodes), (record) => {
      const labels: string[] = record.get(1);
      const properties: Record<string, unknown> = record.get(2);
      if (isLoaded) delete properties[idProperty];
      const own = isLoaded ? labels.filter((label) => label !== nodeLabel) : labels;
      return { kind: 'node', id: Number(record.get(0)), labels: own, properties: propertiesLiteral(properties) };
    });
    yield* inBatches(transaction.run(options.dialect + queries.relationships), (record) => ({
      kind: 'relationship',
      start: Number(record.get(0)),
      end: Number(record.get(1)),
      type: record.get(2),
      properties: propertiesLiteral(record.get(3)),
    }));
    await transaction.commit();
  } finally {
    options.signal.removeEventListener('abort', stop);
    await transaction.close().catch(() => {});
  }
}

/** To wait for each element by itself would take longer than to write it. */
const batchSize = 100;

async function* inBatches(
  rows: AsyncIterable<Row>,
  read: (row: Row) => GraphElement,
): AsyncGenerator<readonly GraphElement[], void> {
  let batch: GraphElement[] = [];
  for await (const row of rows) {
    batch.push(read(row));
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
