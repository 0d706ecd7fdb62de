import type { FileKind } from '../../engine.ts';
import { customFormat, customSchemaFormat } from './custom-format.ts';
import { globalsFormat } from './formats.ts';
import { sqlFormat, sqlSchemaFormat } from './sql-format.ts';

const archive: FileKind = { extension: 'dump', reader: 'pg_restore' };
const script: FileKind = { extension: 'sql', reader: 'psql' };

/** The files of PostgreSQL's own tools. */
export const postgresFiles: Readonly<Record<string, FileKind>> = {
  [customFormat.name]: archive,
  [customSchemaFormat.name]: archive,
  [sqlFormat.name]: script,
  [sqlSchemaFormat.name]: script,
  [globalsFormat]: script,
  'pg-wal': { extension: 'tar', reader: 'tar' },
  'pg-tar': { extension: 'tar', reader: 'tar' },
  'pg-backup-manifest': { extension: 'json', reader: 'pg_verifybackup' },
};
