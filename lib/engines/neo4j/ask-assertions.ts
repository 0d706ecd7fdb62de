import { type Assertion, type AssertionRows, assertionProblem } from '../../core/assertions.ts';
import { type Server, withSession } from './connection.ts';
import { isServerError, statementRefusal } from './errors.ts';
import { literalOf } from './script/write-literal.ts';

/** More rows than a person writes down are cut off, and then are too many. */
const mostRows = 1000;

/**
 * Asks each assertion in a session that may only read, with a time limit, and gives a sentence for each that does not hold. A statement that
 * fails does not hold either.
 */
export async function askAssertions(
  server: Server,
  options: {
    readonly database: string;
    readonly assertions: readonly Assertion[];
    readonly timeoutSeconds: number;
    /** The moment that the backup shows. */
    readonly snapshotAt: string;
    readonly onAssertion: (name: string) => void;
  },
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const assertion of options.assertions) {
    options.onAssertion(assertion.name);
    const problem = await ask(server, assertion, options);
    if (problem !== undefined) problems.push(`assertion '${assertion.name}': ${problem}`);
  }
  return problems;
}

async function ask(
  server: Server,
  assertion: Assertion,
  options: { readonly database: string; readonly timeoutSeconds: number; readonly snapshotAt: string },
): Promise<string | undefined> {
  if (!('cypher' in assertion)) return "is not in Cypher: the setting is 'cypher'";
  try {
    return assertionProblem(assertion, await answerTo(server, assertion.cypher, options), options.snapshotAt);
  } catch (error) {
    if (!isServerError(error)) throw error;
    return statementRefusal(error, options.timeoutSeconds);
  }
}

async function answerTo(
  server: Server,
  cypher: string,
  { database, timeoutSeconds }: { readonly database: string; readonly timeoutSeconds: number },
): Promise<AssertionRows> {
  return withSession(server, { database }, async (session) => {
    const rows: (string | null)[][] = [];
    for await (const record of session.run(cypher, {}, { timeout: timeoutSeconds * 1000 })) {
      rows.push([...(record.values() as Iterable<unknown>)].map(asText));
      if (rows.length > mostRows) break;
    }
    return rows;
  });
}

/** As a person writes it: texts without quotation marks, dates and times in ISO 8601. */
function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint') return String(value);
  if (typeof value === 'boolean' || Array.isArray(value)) return literalOf(value);
  return isPlain(value)
    ? JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? Number(inner) : inner))
    : String(value);
}

const isPlain = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;
