import type { Session } from 'neo4j-driver';
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
 * that are changed meanwhile are in the state of one moment or another.
 */
export async function* readGraph(
  session: Session,
  options: { readonly dialect: string; readonly of?: 'all' | 'loaded'; readonly signal: AbortSignal },
): AsyncGenerator<GraphElement, void> {
  const queries = options.of === 'loaded' ? loaded : all;
  const transaction = await session.beginTransaction({ metadata: { app: 'holdfast' } });
  const stop = (): void => void transaction.close().catch(() => {});
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const record of transaction.run(options.dialect + queries.nodes)) {
      const [id, labels, properties] = record.values() as Iterable<unknown> as [
        bigint,
        string[],
        Record<string, unknown>,
      ];
      if (options.of === 'loaded') delete properties[idProperty];
      const own = options.of === 'loaded' ? labels.filter((label) => label !== nodeLabel) : labels;
      yield { kind: 'node', id: Number(id), labels: own, properties: propertiesLiteral(properties) };
    }
    for await (const record of transaction.run(options.dialect + queries.relationships)) {
      const [start, end, type, properties] = record.values() as Iterable<unknown> as [
        bigint,
        bigint,
        string,
        Record<string, unknown>,
      ];
      yield {
        kind: 'relationship',
        start: Number(start),
        end: Number(end),
        type,
        properties: propertiesLiteral(properties),
      };
    }
    await transaction.commit();
  } finally {
    options.signal.removeEventListener('abort', stop);
    await transaction.close().catch(() => {});
  }
}
