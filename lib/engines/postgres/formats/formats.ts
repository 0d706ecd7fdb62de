import { HoldfastError } from '../../../core/errors.ts';
import type { Format, Method } from '../../../core/vocabulary.ts';
import { customFormat, customSchemaFormat } from './custom-format.ts';
import type { DatabaseFormat } from './format.ts';
import { sqlFormat, sqlSchemaFormat } from './sql-format.ts';

/** `format` of the stream that holds roles, tablespaces and their settings: a script of pg_dumpall, whatever the databases are written in. */
export const globalsFormat = 'pg_dumpall-globals';

const chosen: Readonly<Partial<Record<Method, Readonly<Partial<Record<Format, DatabaseFormat>>>>>> = {
  logical: { custom: customFormat, sql: sqlFormat },
  schema: { custom: customSchemaFormat, sql: sqlSchemaFormat },
};

/** The format that a backup of that method writes its databases in. Throws `usage` for what PostgreSQL does not have. */
export function databaseFormat(method: Method, format: Format): DatabaseFormat {
  const found = chosen[method]?.[format];
  if (found) return found;
  throw new HoldfastError('usage', `the postgres engine has no ${method} backup in format '${format}'`);
}

/** The format that a record names. Throws `manifest-unreadable` for one that is not a database's. */
export function formatNamed(name: string): DatabaseFormat {
  const all = Object.values(chosen).flatMap((formats) => Object.values(formats));
  const found = all.find((format) => format.name === name);
  if (found) return found;
  throw new HoldfastError('manifest-unreadable', `'${name}' is not a format of the postgres engine`);
}
