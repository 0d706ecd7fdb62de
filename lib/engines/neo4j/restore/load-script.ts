import type { Driver } from 'neo4j-driver';
import { HoldfastError } from '../../../core/errors.ts';
import type { EngineContext } from '../../engine.ts';
import { isConstraintViolation } from '../errors.ts';
import { readScript, type ScriptPart } from '../script/read-script.ts';
import { createNodes, createRelationships } from '../script/statements.ts';
import { isOfBatch, markBatch } from './restore-mark.ts';

type Rows = Exclude<ScriptPart, { readonly kind: 'definition' }>;

/** What one transaction loads: rows by the statement that creates them. */
type Batch = {
  readonly number: number;
  readonly kind: Rows['kind'];
  readonly rows: ReadonlyMap<string, readonly unknown[]>;
};

type Destination = { readonly driver: Driver; readonly dialect: string; readonly database: string };

/** A transaction's memory on the server, and ours. */
const mostRows = 5000;
const mostCharacters = 2 * 1024 * 1024;

/**
 * Loads the nodes and relationships of a script, several batches side by side, each in a transaction that also marks it as loaded, and gives
 * the definitions, which are not made. Batches that are loaded already are passed over. Holds one batch more than there are sessions.
 */
export async function loadScript(
  context: Pick<EngineContext, 'signal' | 'parallelJobs' | 'progress'>,
  options: Destination & {
    readonly bytes: AsyncIterable<Uint8Array>;
    readonly expectedBytes: number;
    readonly loaded: ReadonlySet<number>;
  },
): Promise<readonly string[]> {
  const { signal, parallelJobs, progress } = context;
  const { database, expectedBytes } = options;
  const definitions: string[] = [];
  const running = new Set<Promise<void>>();
  let failure: unknown;
  let bytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of options.bytes) {
      bytes += chunk.length;
      progress({ phase: 'restore', detail: database, bytes, expectedBytes });
      yield chunk;
    }
  }
  let last: Batch['kind'] = 'nodes';
  try {
    for await (const batch of inBatches(readScript(counted()), definitions)) {
      signal.throwIfAborted();
      if (failure !== undefined) throw failure;
      // Every relationship needs its ends.
      if (batch.kind !== last) await Promise.all(running);
      last = batch.kind;
      if (options.loaded.has(batch.number)) continue;
      const load = loadBatch(options, batch)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => running.delete(load));
      running.add(load);
      if (running.size >= parallelJobs) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
  signal.throwIfAborted();
  if (failure !== undefined) throw failure;
  return definitions;
}

/** A script's rows in batches that are the same whenever it is read. */
async function* inBatches(parts: AsyncIterable<ScriptPart>, definitions: string[]): AsyncGenerator<Batch, void> {
  let number = 0;
  let kind: Batch['kind'] = 'nodes';
  let rows = new Map<string, unknown[]>();
  let count = 0;
  let characters = 0;
  const take = (): Batch => {
    const batch = { number, kind, rows };
    number += 1;
    rows = new Map();
    count = 0;
    characters = 0;
    return batch;
  };
  for await (const part of parts) {
    if (part.kind === 'definition') {
      definitions.push(part.statement);
      continue;
    }
    if (count > 0 && (part.kind !== kind || count >= mostRows || characters >= mostCharacters)) yield take();
    kind = part.kind;
    const statement = part.kind === 'nodes' ? createNodes(part.labels) : createRelationships(part.type);
    rows.set(statement, [...(rows.get(statement) ?? []), ...rowsOf(part)]);
    count += part.rows.length;
    for (const { text } of part.rows) characters += text.length;
  }
  if (count > 0) yield take();
}

const rowsOf = (part: Rows): readonly unknown[] =>
  part.kind === 'nodes'
    ? part.rows.map(({ id, properties }) => [BigInt(id), properties])
    : part.rows.map(({ start, end, properties }) => [BigInt(start), BigInt(end), properties]);

async function loadBatch({ driver, dialect, database }: Destination, batch: Batch): Promise<void> {
  const session = driver.session({ database, defaultAccessMode: 'WRITE' });
  try {
    await session.executeWrite(async (transaction) => {
      // All are sent before the first answer is waited for.
      const mark = transaction.run(markBatch, { number: BigInt(batch.number) }).summary();
      const loads = [...batch.rows].map(async ([statement, rows]) => {
        const { counters } = await transaction.run(`${dialect}UNWIND $rows ${statement}`, { rows }).summary();
        const { nodesCreated, relationshipsCreated } = counters.updates();
        const created = batch.kind === 'nodes' ? nodesCreated : relationshipsCreated;
        if (created !== rows.length)
          throw new HoldfastError(
            'corrupt',
            `of ${rows.length} ${batch.kind} of the script ${created} could be created: the others' ends are missing`,
          );
      });
      const ended = await Promise.allSettled([mark, ...loads]);
      for (const one of ended) if (one.status === 'rejected') throw one.reason;
    });
  } catch (error) {
    // The answer to an earlier attempt was lost, and it had come through.
    if (!(isConstraintViolation(error) && error instanceof Error && isOfBatch(error))) throw error;
  } finally {
    await session.close();
  }
}
