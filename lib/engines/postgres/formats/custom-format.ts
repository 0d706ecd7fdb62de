import { ArchiveInspector } from '../archive/archive-inspector.ts';
import type { DatabaseFormat, FormatInspector } from './format.ts';

/** The archive of `pg_dump --format=custom`, uncompressed: compression is the pipeline's. */
export const customFormat: DatabaseFormat = {
  name: 'pg_dump-custom',
  kind: 'database',
  restoredBy: 'pg_restore',
  dumpArguments: ['--format=custom', '--compress=0'],
  inspector: archiveInspector,
};

/** The same with the definitions alone. */
export const customSchemaFormat: DatabaseFormat = {
  ...customFormat,
  name: 'pg_dump-custom-schema',
  kind: 'schema',
  dumpArguments: [...customFormat.dumpArguments, '--schema-only'],
};

function archiveInspector(): FormatInspector {
  const inspector = new ArchiveInspector();
  return {
    write: (chunk) => inspector.write(chunk),
    end: () => {
      const { content, facts } = inspector.end();
      return { content, facts: { archiveVersion: facts.archiveVersion, entries: facts.entries } };
    },
  };
}
