import type { Content, StreamRecord } from '../../core/manifest.ts';
import type { Comparison, Engine, EngineContext } from '../engine.ts';
import { compareContent } from './compare-content.ts';
import { type Server, withServer, withSession } from './connection.ts';
import { definitionStatements, readDefinitions } from './content/definitions.ts';
import { GraphDigest } from './content/graph-digest.ts';
import { readGraph } from './content/read-graph.ts';
import { backupFormat } from './dump/capture-online.ts';
import { compareDump } from './dump/compare-dump.ts';
import { dumpFormat } from './dump/dump-check.ts';

/** Reads a live database and holds it against the backup. */
export const compareStream: Engine['compare'] = (context, record, database) =>
  [dumpFormat, backupFormat].includes(record.format)
    ? compareDump(context, record, database, 'live')
    : withServer(context, (server) => compareDatabase(context, server, { record, database, of: 'all' }));

type Place = {
  readonly record: StreamRecord;
  readonly database: string;
  /** `loaded`: what a restore has loaded so far beside what was there before; it has no definitions yet. */
  readonly of: 'all' | 'loaded';
};

export async function compareDatabase(
  context: Pick<EngineContext, 'signal' | 'scratch' | 'progress'>,
  server: Server,
  { record, database, of }: Place,
): Promise<Comparison> {
  const { definitions, ...expected } = record.content ?? { tables: [] };
  const found = await contentOf(context, server, { record, database, of });
  const { remark } = record.facts;
  return compareContent(of === 'all' && definitions !== undefined ? { ...expected, definitions } : expected, found, {
    isSameVersion: record.facts['serverVersion'] === server.version,
    remarks: typeof remark === 'string' ? [`of the backup: ${remark}`] : [],
  });
}

async function contentOf(
  context: Pick<EngineContext, 'signal' | 'scratch' | 'progress'>,
  server: Server,
  { record, database, of }: Place,
): Promise<Content> {
  using digest = new GraphDigest(context.scratch);
  const expectedElements = record.content?.tables.reduce((sum, { rows }) => sum + rows, 0) ?? 0;
  let elements = 0;
  return withSession(server, { database }, async (session) => {
    for await (const batch of readGraph(session, { dialect: server.dialect, of, signal: context.signal })) {
      for (const element of batch) {
        if (element.kind === 'node') digest.node(element.id, element.labels, element.properties);
        else digest.relationship(element, element.type, element.properties);
      }
      elements += batch.length;
      if (elements % 50_000 < batch.length)
        context.progress({ phase: 'compare', detail: `${database}: ${elements} of ${expectedElements} elements` });
    }
    if (of === 'all')
      for (const statement of definitionStatements(await readDefinitions(session))) digest.definition(statement);
    return digest.content();
  });
}
