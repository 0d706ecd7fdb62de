import { type Assertion, type AssertionRows, assertionProblem, type CommandAssertion } from '../../core/assertions.ts';
import type { Connection } from './connection.ts';
import { Refusal } from './errors.ts';
import { openSession, type Reply } from './protocol/session.ts';

const reader = { user: 'holdfast-reader', password: 'read' } as const;

/**
 * Asks each assertion in its database, as a user who may read and nothing else, and gives a sentence for each that does not hold. A command that
 * is refused does not hold either.
 */
export async function askAssertions(
  connection: Connection,
  options: {
    readonly assertions: readonly Assertion[];
    readonly timeoutSeconds: number;
    readonly snapshotAt: string;
    readonly onAssertion: (name: string) => void;
  },
): Promise<readonly string[]> {
  if (options.assertions.length === 0) return [];
  {
    await using admin = await openSession(connection);
    const rules = ['reset', 'on', `>${reader.password}`, '~*', '+@read', '+select', '+dbsize', '-@dangerous'];
    await admin.ask(['ACL', 'SETUSER', reader.user, ...rules]);
  }
  const problems: string[] = [];
  for (const assertion of options.assertions) {
    if (!('command' in assertion)) throw new Error(`assertion '${assertion.name}' is not a command`);
    options.onAssertion(assertion.name);
    const problem = await ask({ ...connection, ...reader }, assertion, options);
    if (problem !== undefined) problems.push(`assertion '${assertion.name}': ${problem}`);
  }
  return problems;
}

async function ask(
  connection: Connection,
  assertion: CommandAssertion,
  { timeoutSeconds, snapshotAt }: { readonly timeoutSeconds: number; readonly snapshotAt: string },
): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    await using session = await openSession(connection, timeout);
    await session.ask(['SELECT', assertion.database]);
    return assertionProblem(assertion, rowsOf(await session.ask(assertion.command)), snapshotAt);
  } catch (error) {
    if (timeout.aborted) return `gave no answer within ${timeoutSeconds} seconds`;
    if (error instanceof Refusal) return `could not be asked: ${error.message.slice(0, 200)}`;
    throw error;
  }
}

/** A single value is one row of one column; a list has a row for each of its elements, and an element that is a list, columns. */
function rowsOf(reply: Reply): AssertionRows {
  if (!Array.isArray(reply)) return [[textOf(reply)]];
  return (reply as readonly Reply[]).map((row) =>
    Array.isArray(row) ? (row as readonly Reply[]).map(textOf) : [textOf(row)],
  );
}

function textOf(value: Reply): string | null {
  if (value === null) return null;
  if (Buffer.isBuffer(value)) return value.toString();
  return Array.isArray(value) ? JSON.stringify(value.map((one) => textOf(one as Reply))) : String(value);
}
