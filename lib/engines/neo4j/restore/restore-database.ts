import type { Session } from 'neo4j-driver';
import { HoldfastError } from '../../../core/errors.ts';
import { withRemarks } from '../../comparison.ts';
import type { Comparison, EngineContext, RestorePlan } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import { compareDatabase } from '../compare.ts';
import { type Server, withSession } from '../connection.ts';
import { readDefinitions } from '../content/definitions.ts';
import { fromServerError, translated } from '../errors.ts';
import { quoteName } from '../script/names.ts';
import { loadScript } from './load-script.ts';
import {
  deleteNodes,
  dropConstraints,
  isOld,
  loadedBatches,
  makeMarkConstraints,
  type RestoreMark,
  readConstraints,
  readMark,
  removeMarks,
  rollBack,
  writeMark,
} from './restore-mark.ts';

/** A copy that was loaded beside what the database held, and compared. */
export type LoadedCopy = {
  readonly comparison: Comparison;
  /** Deletes what was there before, if anything was, and makes the copy the database's content. Gives what is worth a remark. */
  putInPlace(): Promise<readonly string[]>;
  /** Deletes the copy. Gives the constraints of what was there before that could not be made again: all else is as it was. */
  takeBack(): Promise<readonly string[]>;
};

type Options = {
  readonly planned: RestorePlan['streams'][number];
  readonly replace: boolean;
  /** A definition that this edition does not know: is it left out, or a reason to refuse? */
  readonly leavesOut: boolean;
};

/**
 * Loads a script into a database beside what it holds, and compares it.
 *
 * Invariant: what the database held before is there, whole, until the copy has been loaded and compared; its constraints are dropped in the
 * meantime, since the copy may hold the same values, and the mark has them. In order: the mark, the constraints, the batches (each marks itself),
 * the comparison. A crash anywhere leaves the mark and what was loaded: the next attempt with the same script goes on behind the last batch, one
 * with another takes all of it back first. When this process lives to see the failure it takes all back itself.
 */
export async function loadCopy(context: EngineContext, server: Server, options: Options): Promise<LoadedCopy> {
  const { record, destination: database } = options.planned;
  const mark = await beginRestore(server, database, options);
  const takeBack = (): Promise<readonly string[]> => writing(server, database, (session) => rollBack(session, mark));
  try {
    const loaded = await writing(server, database, async (session) => {
      await dropConstraints(session);
      await makeMarkConstraints(session);
      return loadedBatches(session);
    });
    const definitions = await loadScript(context, {
      driver: server.driver,
      dialect: server.dialect,
      database,
      bytes: options.planned.open(),
      expectedBytes: record.plainBytes,
      loaded,
    });
    const { known, unknown } = splitDefinitions(definitions, server);
    if (unknown.length > 0 && !options.leavesOut) throw needsEnterprise(database, unknown);
    const comparison = await compareDatabase(context, server, { record, database, of: 'loaded' });
    if (!comparison.same) throw comparisonFailed(database, comparison);
    if (!options.replace) await writing(server, database, (session) => requireNothingOld(session, database));
    const left = unknown.map((statement) => `left out, for want of the Enterprise edition: ${statement}`);
    return {
      comparison: withRemarks(comparison, left),
      putInPlace: () => putInPlace(server, database, { mark, definitions: known, replace: options.replace }),
      takeBack,
    };
  } catch (error) {
    // A server that is gone keeps the mark: the next attempt goes on.
    const lost = await takeBack().catch(() => []);
    const reason = context.signal.aborted ? stopReason(context.signal, `the restore of database '${database}'`) : error;
    throw withLost(translated(reason, `restoring database '${database}'`, 'restore-failed'), lost);
  }
}

/** The mark of this restore. What an earlier one left behind is gone on with, finished or taken back. */
async function beginRestore(server: Server, database: string, { planned, replace }: Options): Promise<RestoreMark> {
  const script = planned.record.plainSha256 ?? planned.record.stream;
  return writing(server, database, async (session) => {
    const found = await readMark(session);
    if (found?.phase === 'loading' && found.script === script) return found;
    const lost = found?.phase === 'loading' || found?.phase === 'taking back' ? await rollBack(session, found) : [];
    if (found?.phase === 'replacing') {
      if (!replace) throw halfInPlace(database, server);
      await deleteNodes(session, isOld('n'));
      await removeMarks(session);
    }
    if (!replace && !(await isEmpty(session)))
      throw new HoldfastError('target-not-empty', `database '${database}' at '${server.address}' is not empty`, {
        hint: 'say --replace to delete what it holds when the copy has been loaded and compared; Neo4j Community has one database alone',
      });
    // What an attempt before this one could not make again is not forgotten.
    const constraints = [...(await readConstraints(session)), ...lost];
    const mark: RestoreMark = { script, phase: 'loading', constraints };
    await writeMark(session, mark);
    return mark;
  });
}

/** Its nodes are whole, and nobody may take it for what it should be. */
const halfInPlace = (database: string, server: Server): HoldfastError =>
  new HoldfastError(
    'target-not-empty',
    `database '${database}' at '${server.address}' holds a copy without all of its constraints and indexes: a restore was killed when it put it in place`,
    { hint: 'say --replace to restore once more in its stead' },
  );

/** Nobody said that what is there may be deleted, and it was empty when the restore began. */
async function requireNothingOld(session: Session, database: string): Promise<void> {
  const { records } = await session.run(`MATCH (n) WHERE ${isOld('n')} RETURN n LIMIT 1`);
  if (records.length === 0) return;
  throw new HoldfastError('target-not-empty', `somebody wrote to database '${database}' while it was restored`, {
    hint: 'keep clients away while a restore runs, or say --replace; what was written is there, and the copy was taken back',
  });
}

/** Has it neither elements nor definitions, beside what every new database has? */
async function isEmpty(session: Session): Promise<boolean> {
  const { records } = await session.run('MATCH (n) RETURN n LIMIT 1');
  if (records.length > 0) return false;
  const { statements } = await readDefinitions(session);
  return statements.every((statement) => statement.startsWith('CREATE LOOKUP INDEX '));
}

/**
 * Invariant: from the first step on there is no way back, and every later attempt at a restore into this database goes on from here. In order:
 * the mark says so; what was there before is deleted; its indexes are dropped and those of the backup made; labels and numbers of the restore
 * are taken away, and last the mark.
 */
async function putInPlace(
  server: Server,
  database: string,
  {
    mark,
    definitions,
    replace,
  }: { readonly mark: RestoreMark; readonly definitions: readonly string[]; readonly replace: boolean },
): Promise<readonly string[]> {
  return writing(server, database, async (session) => {
    await writeMark(session, { ...mark, phase: 'replacing' });
    // Otherwise there was nothing, and whoever wrote since the last look keeps what is his.
    if (replace) await deleteNodes(session, isOld('n'));
    await dropIndexes(session);
    const failed: string[] = [];
    for (const statement of definitions) {
      await session.run(statement).catch((error: unknown) => {
        failed.push(fromServerError(error, statement).message);
      });
    }
    await removeMarks(session);
    await session.run('CALL db.awaitIndexes(86400)');
    if (failed.length > 0)
      throw new HoldfastError(
        'restore-failed',
        `database '${database}' has all of its elements, and ${failed.length} of ${definitions.length} constraints and indexes could not be made: ${failed.slice(0, 5).join('; ')}`,
        {
          hint: 'a change of the source during the backup may have let in values that a constraint forbids; make them by hand',
        },
      );
    const { faults } = await readDefinitions(session);
    return faults;
  });
}

/** Those of what was there before; the lookup indexes stay where the backup has them too, and are needed meanwhile. */
async function dropIndexes(session: Session): Promise<void> {
  const { records } = await session.run(
    "SHOW INDEXES YIELD name, type, owningConstraint WHERE owningConstraint IS NULL AND type <> 'LOOKUP' RETURN name",
  );
  for (const record of records) await session.run(`DROP INDEX ${quoteName(String(record.get(0)))} IF EXISTS`);
}

const enterpriseOnly = /^CREATE CONSTRAINT .* (?:IS NOT NULL|IS NODE KEY|IS RELATIONSHIP KEY|IS ::.*)(?: OPTIONS .*)?$/;

function splitDefinitions(
  definitions: readonly string[],
  { edition }: Server,
): { readonly known: readonly string[]; readonly unknown: readonly string[] } {
  if (edition === 'enterprise') return { known: definitions, unknown: [] };
  const unknown = definitions.filter((statement) => enterpriseOnly.test(statement));
  return { known: definitions.filter((statement) => !unknown.includes(statement)), unknown };
}

const needsEnterprise = (database: string, statements: readonly string[]): HoldfastError =>
  new HoldfastError(
    'preflight-failed',
    `database '${database}' had ${statements.length} constraints that the Enterprise edition alone knows: ${statements.slice(0, 3).join('; ')}`,
    { hint: 'restore it into a server of the Enterprise edition' },
  );

function comparisonFailed(database: string, { differences }: Comparison): HoldfastError {
  const more = differences.length > 10 ? ` and ${differences.length - 10} more` : '';
  return new HoldfastError(
    'comparison-failed',
    `the restored copy of '${database}' differs from the backup: ${differences.slice(0, 10).join('; ')}${more}`,
    { hint: 'the copy was taken back, and the database is as it was' },
  );
}

/** Says what a restore that was taken back could not bring back. */
function withLost(error: unknown, lost: readonly string[]): unknown {
  if (lost.length === 0 || !(error instanceof HoldfastError)) return error;
  return new HoldfastError(
    error.code,
    `${error.message}; and ${lost.length} constraints of before could not be made again, because of what was written meanwhile: ${lost.slice(0, 5).join('; ')}`,
    { cause: error, hint: 'remove what they forbid, and make them by hand' },
  );
}

const writing = <Result>(
  server: Server,
  database: string,
  work: (session: Session) => Promise<Result>,
): Promise<Result> => withSession(server, { database, mode: 'WRITE' }, work);
