import { randomBytes } from 'node:crypto';
import { type Client, type CustomTypesConfig, escapeIdentifier, type QueryConfig } from 'pg';
import { type AssertionRows, assertionProblem, type SqlAssertion } from '../../core/assertions.ts';
import type { EngineContext, RestoreTestPlan } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { type Connection, connect } from './connection.ts';
import { statementRefusal } from './errors.ts';
import { inDatabase } from './in-database.ts';

/** Values as the server writes them. */
const asText = { getTypeParser: () => (value: string) => value } as unknown as CustomTypesConfig;

/** More rows than a person writes down are cut off, and then are too many. */
const mostRows = 1000;

/**
 * Asks each assertion in its database, in a read-only transaction with a time limit, and gives a sentence for each that does not hold. A
 * statement that fails does not hold either. `connection` is a superuser's, which makes the role that they are asked as.
 */
export async function askAssertions(
  context: Pick<EngineContext, 'progress' | 'signal'>,
  connection: Connection,
  {
    plan,
    major,
    snapshotAt,
  }: {
    readonly plan: Pick<RestoreTestPlan, 'assertions' | 'assertionTimeoutSeconds'>;
    readonly major: number;
    /** The moment that each database shows. */
    readonly snapshotAt: ReadonlyMap<string, string>;
  },
): Promise<readonly string[]> {
  if (plan.assertions.length === 0) return [];
  const user = await createReader(connection, { major, databases: [...snapshotAt.keys()] });
  const problems: string[] = [];
  for (const assertion of plan.assertions) {
    if (context.signal.aborted) throw stopReason(context.signal, 'the restore test');
    context.progress({ phase: 'assertions', detail: assertion.name });
    if (!('sql' in assertion)) throw new Error(`assertion '${assertion.name}' is not in SQL`);
    const shown = snapshotAt.get(assertion.database);
    const problem =
      shown === undefined
        ? `the backup holds no database '${assertion.database}'`
        : await ask({ ...connection, user }, assertion, {
            timeoutSeconds: plan.assertionTimeoutSeconds,
            snapshotAt: shown,
          });
    if (problem !== undefined) problems.push(`assertion '${assertion.name}': ${problem}`);
  }
  return problems;
}

/**
 * The role that assertions are asked as: it reads every table, whatever its policies say, and can do nothing else. Before 14 there was no such
 * right, and a superuser has to do, held back by the read-only transaction.
 */
function createReader(
  connection: Connection,
  { major, databases }: { readonly major: number; readonly databases: readonly string[] },
): Promise<string> {
  const name = `holdfast_reader_${randomBytes(4).toString('hex')}`;
  return inDatabase(connection, 'template1', async (admin) => {
    await admin.query(`create role ${name} login ${major < 14 ? 'superuser' : 'bypassrls in role pg_read_all_data'}`);
    for (const database of databases)
      await admin.query(`grant connect on database ${escapeIdentifier(database)} to ${name}`);
    return name;
  });
}

async function ask(
  connection: Connection,
  assertion: SqlAssertion,
  { timeoutSeconds, snapshotAt }: { readonly timeoutSeconds: number; readonly snapshotAt: string },
): Promise<string | undefined> {
  const client = await connect(connection, assertion.database, { statementTimeoutSeconds: timeoutSeconds });
  try {
    return assertionProblem(assertion, await answerTo(client, assertion.sql), snapshotAt);
  } catch (error) {
    return statementRefusal(error, timeoutSeconds);
  } finally {
    await client.end();
  }
}

/**
 * A cursor bounds what a careless statement brings into memory. The extended protocol takes one statement at a time, so that none can end the
 * transaction and go on without it.
 */
async function answerTo(client: Client, sql: string): Promise<AssertionRows> {
  await client.query('begin read only');
  const statement = sql.trim().replace(/;\s*$/, '');
  const declaration = { text: `declare asserted no scroll cursor for ${statement}`, queryMode: 'extended' };
  await client.query(declaration satisfies QueryConfig & { readonly queryMode: string });
  const { rows } = await client.query({
    text: `fetch ${mostRows + 1} from asserted`,
    rowMode: 'array',
    types: asText,
  });
  await client.query('rollback');
  return rows as AssertionRows;
}
