import { ScriptInspector } from '../script/script-inspector.ts';
import type { DatabaseFormat } from './format.ts';

/** The script of `pg_dump --format=plain`, which psql runs and a person reads. */
export const sqlFormat: DatabaseFormat = {
  name: 'pg_dump-sql',
  kind: 'database',
  restoredBy: 'psql',
  dumpArguments: ['--format=plain'],
  inspector: scriptInspector,
};

/** The same with the definitions alone. */
export const sqlSchemaFormat: DatabaseFormat = {
  ...sqlFormat,
  name: 'pg_dump-sql-schema',
  kind: 'schema',
  dumpArguments: [...sqlFormat.dumpArguments, '--schema-only'],
};

function scriptInspector(): ReturnType<DatabaseFormat['inspector']> {
  const inspector = new ScriptInspector();
  return {
    write: (chunk) => inspector.write(chunk),
    end: () => {
      const { content, facts } = inspector.end();
      return { content, facts: { entries: facts.entries } };
    },
  };
}
