import type { Session } from 'neo4j-driver';
import { definitionStatements, readDefinitions } from '../content/definitions.ts';
import { isNotMade } from '../errors.ts';
import { idConstraint, idProperty, nodeLabel, quoteName } from '../script/names.ts';
import { idConstraintStatement } from '../script/statements.ts';

/**
 * What a restore in the making has in the database, beside the nodes that it loads: one node that says of which backup it is and how far it is,
 * and one for each batch that was loaded, written in the batch's own transaction.
 */
export type RestoreMark = {
  /** SHA-256 of the script: another attempt with the same one goes on. */
  readonly script: string;
  /**
   * `taking back`: what was loaded may be gone in part, and no batch counts. `replacing`: the copy is whole and compared, and what was there before
   * may be gone in part. There is no way back.
   */
  readonly phase: (typeof phases)[number];
  /** Makes the constraints that were dropped so that the copy could stand beside what was there. */
  readonly constraints: readonly string[];
};

const phases = ['loading', 'taking back', 'replacing'] as const;
const markLabel = 'holdfast-restore';
const batchLabel = 'holdfast-batch';
const batchConstraint = 'holdfast-batch-number';

/** A node that is neither loaded nor a mark: what was there before. */
export const isOld = (node: string): string =>
  `NOT (${[nodeLabel, markLabel, batchLabel].map((label) => `${node}:${quoteName(label)}`).join(' OR ')})`;

/** Is a restore in the making, or what one has left? Its constraints are away then, and its nodes are none of the database's. */
export async function holdsRestore(session: Session): Promise<boolean> {
  const { records } = await session.run(
    `MATCH (n:${quoteName(nodeLabel)}) RETURN 1 LIMIT 1 UNION ALL MATCH (m:${quoteName(markLabel)}) RETURN 1 LIMIT 1`,
  );
  return records.length > 0;
}

export async function readMark(session: Session): Promise<RestoreMark | undefined> {
  const { records } = await session.run(`MATCH (m:${quoteName(markLabel)}) RETURN m.script, m.phase, m.constraints`);
  const [record] = records;
  if (record === undefined) return undefined;
  return {
    script: String(record.get(0)),
    phase: phases.find((phase) => phase === record.get(1)) ?? 'loading',
    constraints: record.get(2) as string[],
  };
}

/** Writes the mark, or changes what it says. */
export async function writeMark(session: Session, { script, phase, constraints }: RestoreMark): Promise<void> {
  await session.run(
    `MERGE (m:${quoteName(markLabel)}) SET m.script = $script, m.phase = $phase, m.constraints = $constraints`,
    { script, phase, constraints: [...constraints] },
  );
}

/** What lets loaded nodes and batches be found, and none come twice. */
export async function makeMarkConstraints(session: Session): Promise<void> {
  await session.run(idConstraintStatement.replace(' FOR ', ' IF NOT EXISTS FOR '));
  await session.run(
    `CREATE CONSTRAINT ${quoteName(batchConstraint)} IF NOT EXISTS FOR (b:${quoteName(batchLabel)}) REQUIRE b.number IS UNIQUE`,
  );
  await session.run('CALL db.awaitIndexes(3600)');
}

/** Marks a batch as loaded, in the transaction that loads it. */
export const markBatch = `CREATE (:${quoteName(batchLabel)} {number:$number})`;

/** Is that what the server says of a batch that it has loaded already? */
export const isOfBatch = (error: Error): boolean => error.message.includes(batchLabel);

export async function loadedBatches(session: Session): Promise<ReadonlySet<number>> {
  const { records } = await session.run(`MATCH (b:${quoteName(batchLabel)}) RETURN b.number`);
  return new Set(records.map((record) => Number(record.get(0))));
}

/** A name may hold every word of a statement. */
const constraintName = /^CREATE CONSTRAINT `(?:[^`]|``)*`/;

/** What makes the database's constraints again. */
export async function readConstraints(session: Session): Promise<readonly string[]> {
  const statements = definitionStatements(await readDefinitions(session));
  return statements
    .filter(
      (statement) => statement.startsWith('CREATE CONSTRAINT ') && !statement.includes(quoteName(batchConstraint)),
    )
    .map((statement) => statement.replace(constraintName, '$& IF NOT EXISTS'));
}

/** Drops every constraint but those of the restore. */
export async function dropConstraints(session: Session): Promise<void> {
  const { records } = await session.run('SHOW CONSTRAINTS YIELD name');
  for (const name of records.map((record) => String(record.get(0)))) {
    if (name !== idConstraint && name !== batchConstraint) await session.run(`DROP CONSTRAINT ${quoteName(name)}`);
  }
}

/** Takes labels and numbers from what was loaded, which is then like any other node. The mark goes last: until then another attempt goes on. */
export async function removeMarks(session: Session): Promise<void> {
  const loaded = `n:${quoteName(nodeLabel)}`;
  await session.run(
    `MATCH (${loaded}) CALL { WITH n REMOVE ${loaded}, n.${quoteName(idProperty)} } IN TRANSACTIONS OF 10000 ROWS`,
  );
  await removeBookkeeping(session);
}

/**
 * Deletes what was loaded, and brings back the constraints of what was there before. First the mark says so: an attempt that finds batches marked
 * and their nodes gone would pass them over. Gives the constraints that could not be made, because something was written meanwhile that they forbid.
 */
export async function rollBack(session: Session, mark: RestoreMark): Promise<readonly string[]> {
  await writeMark(session, { ...mark, phase: 'taking back' });
  await deleteNodes(session, `n:${quoteName(nodeLabel)}`);
  const lost: string[] = [];
  for (const statement of mark.constraints) {
    await session.run(statement).catch((error: unknown) => {
      if (!isNotMade(error)) throw error;
      lost.push(statement.replace(' IF NOT EXISTS', ''));
    });
  }
  await removeBookkeeping(session);
  return lost;
}

/** Few at a time: each may have many relationships. */
export async function deleteNodes(session: Session, condition: string): Promise<void> {
  await session.run(`MATCH (n) WHERE ${condition} CALL { WITH n DETACH DELETE n } IN TRANSACTIONS OF 1000 ROWS`);
}

async function removeBookkeeping(session: Session): Promise<void> {
  await session.run(`MATCH (b:${quoteName(batchLabel)}) CALL { WITH b DELETE b } IN TRANSACTIONS OF 10000 ROWS`);
  for (const name of [idConstraint, batchConstraint]) await session.run(`DROP CONSTRAINT ${quoteName(name)} IF EXISTS`);
  await session.run(`MATCH (m:${quoteName(markLabel)}) DELETE m`);
}
