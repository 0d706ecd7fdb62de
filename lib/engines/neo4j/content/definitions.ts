import type { Session } from 'neo4j-driver';
import { idConstraint, quoteName } from '../script/names.ts';
import { textLiteral } from '../script/write-literal.ts';

/** Constraints and indexes of a database. */
export type Definitions = {
  /** Each as the statement that makes it, on one line, in the order of their names; constraints make the indexes that they need themselves. */
  readonly statements: readonly string[];
  /** Indexes of every new database that this one has not. */
  readonly dropped: readonly string[];
  /** Indexes that are not usable, and why. */
  readonly faults: readonly string[];
};

/** The two token lookup indexes that Neo4j makes in every new database. */
const defaultIndexes = ['index_343aff4e', 'index_f7700477'];

/** Reads them as the server says them. */
export async function readDefinitions(session: Session): Promise<Definitions> {
  const constraints = await session.run('SHOW CONSTRAINTS YIELD name, createStatement');
  const indexes = await session.run(
    'SHOW INDEXES YIELD name, state, failureMessage, owningConstraint, createStatement',
  );
  const own = indexes.records.filter((index) => index.get('owningConstraint') === null);
  const names = new Set(own.map((index) => String(index.get('name'))));
  const made = [...constraints.records, ...own]
    .map((one) => ({ name: String(one.get('name')), statement: String(one.get('createStatement')) }))
    .filter(({ name }) => name !== idConstraint)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  return {
    statements: made.map(({ name, statement }) => {
      const oneLine = requoted(statement);
      // A new database has it, most likely.
      return defaultIndexes.includes(name) ? oneLine.replace(' FOR ', ' IF NOT EXISTS FOR ') : oneLine;
    }),
    dropped: defaultIndexes.filter((name) => !names.has(name)),
    faults: own
      .filter((index) => index.get('state') === 'FAILED')
      .map((index) => `index '${index.get('name')}' has failed: ${index.get('failureMessage')}`),
  };
}

/** What makes the same definitions in a new database. */
export const definitionStatements = ({ statements, dropped }: Definitions): readonly string[] => [
  ...dropped.map((name) => `DROP INDEX ${quoteName(name)} IF EXISTS`),
  ...statements,
];

/** Neo4j quotes names and texts so that they are themselves, but for line ends and backslashes; see `quoteName`. */
function requoted(statement: string): string {
  return statement.replaceAll(
    /`((?:[^`]|``)*)`|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/gs,
    (whole, name, single, double) => {
      if (name !== undefined) return quoteName(String(name).replaceAll('``', '`'));
      const text = String(single ?? double);
      return /[\\\n\r]/.test(text) ? textLiteral(text.replaceAll(/\\(.)/gs, '$1')) : whole;
    },
  );
}
