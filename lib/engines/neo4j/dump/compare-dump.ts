import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../../core/errors.ts';
import type { StreamRecord } from '../../../core/manifest.ts';
import type { Comparison, EngineContext } from '../../engine.ts';
import { withServer, withSession } from '../connection.ts';
import { kindsAndElements } from '../content/graph-digest.ts';
import { countsOf } from '../count-elements.ts';
import { translated } from '../errors.ts';

/** A server that has been started needs a while. */
const patienceSeconds = 300;

/**
 * Holds how many elements a live database has against how many the source had just before it was stopped for the dump. A dump itself is not
 * opened: what it holds is proved by neo4j-admin's consistency check when it is loaded.
 */
export async function compareDump(
  context: Pick<EngineContext, 'connection' | 'scratch' | 'signal'>,
  record: StreamRecord,
  database: string,
  /** `restored`: what was written between the count and the stop is in the dump, so that other counts are worth a remark, and no more. */
  of: 'restored' | 'live' = 'restored',
): Promise<Comparison> {
  const { nodes, relationships } = await whenItAnswers(context, () =>
    withServer(context, (server) => withSession(server, { database }, countsOf)),
  );
  const { nodesBeforeStop, relationshipsBeforeStop } = record.facts;
  const differences: string[] = [];
  const remarks: string[] = of === 'live' ? ['its nodes and relationships were counted, and not read'] : [];
  if (nodesBeforeStop === undefined)
    remarks.push('the server did not run when the backup began: its elements were not counted');
  else if (nodesBeforeStop !== nodes || relationshipsBeforeStop !== relationships)
    (of === 'live' ? differences : remarks).push(
      `the database has ${nodes} nodes and ${relationships} relationships; just before its server was stopped for the dump it had ${nodesBeforeStop} and ${relationshipsBeforeStop}`,
    );
  return {
    same: differences.length === 0,
    words: kindsAndElements,
    collectionsCompared: 2,
    itemsCompared: nodes + relationships,
    differences,
    remarks,
  };
}

async function whenItAnswers<Result>(
  { signal }: Pick<EngineContext, 'signal'>,
  ask: () => Promise<Result>,
): Promise<Result> {
  const deadline = performance.now() + patienceSeconds * 1000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const failure = translated(error, 'asking the restored database');
      const isStarting =
        failure instanceof HoldfastError &&
        ['source-unreachable', 'source-interrupted', 'source-busy'].includes(failure.code);
      if (!isStarting || performance.now() > deadline) throw failure;
      await delay(500, undefined, { signal });
    }
  }
}
