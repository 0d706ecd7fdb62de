import { HoldfastError } from './errors.ts';

/** A table by its own name, as it stands in the server's catalog. */
export type TableName = { readonly schema: string; readonly name: string };

/** A part of a database or of a tree to be restored, and whether what it needs and the destination lacks comes along. */
export type Selection = {
  /** Out of a backup that holds a whole server and not its databases one by one. @default - none is named */
  readonly databases?: readonly string[];
  readonly schemas: readonly string[];
  readonly tables: readonly TableName[];
  readonly paths: readonly string[];
  readonly withDependencies: boolean;
};

const part = '(?:"((?:[^"]|"")+)"|([^".]+))';
const pattern = new RegExp(`^${part}\\.${part}$`, 's');

/**
 * The table that `text` names as `schema.table`. A part that holds a dot or a quotation mark stands in quotation marks, with its own
 * doubled; otherwise a name is taken as it is, and case matters. Throws `usage`.
 */
export function parseTableName(text: string): TableName {
  const match = pattern.exec(text);
  const [schema, name] = [match?.[1] ?? match?.[2], match?.[3] ?? match?.[4]];
  if (schema === undefined || name === undefined)
    throw new HoldfastError('usage', `'${text}' does not name a table as schema.table`, {
      hint: 'for example public.orders; a name with a dot or a quotation mark stands in quotation marks: \'public."a.b"\'',
    });
  return { schema: schema.replaceAll('""', '"'), name: name.replaceAll('""', '"') };
}

/** Does the destination name a folder, by its path, and not a database? */
export const isFolder = (destination: string | null | undefined): boolean =>
  destination !== null && destination !== undefined && /^\.{0,2}\//.test(destination);

/** What was asked for, or undefined when nothing was left out. Throws `usage`. */
export function selectionOf(asked: {
  readonly schemas?: readonly string[] | null | undefined;
  readonly tables?: readonly string[] | null | undefined;
  readonly paths?: readonly string[] | null | undefined;
  readonly withDependencies?: boolean | undefined;
}): Selection | undefined {
  const schemas = asked.schemas ?? [];
  const tables = (asked.tables ?? []).map(parseTableName);
  const paths = asked.paths ?? [];
  if (schemas.length > 0 || tables.length > 0 || paths.length > 0)
    return { schemas, tables, paths, withDependencies: asked.withDependencies ?? false };
  if (asked.withDependencies)
    throw new HoldfastError('usage', 'dependencies come along with chosen schemas and tables, and none are chosen');
  return undefined;
}
