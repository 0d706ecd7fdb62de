/** What belongs to the session or the database as a whole, or is an estimate: it may differ between two copies of the same content. */
const leftOut: ReadonlySet<string> = new Set([
  'ENCODING',
  'STDSTRINGS',
  'SEARCHPATH',
  'DATABASE',
  'DATABASE PROPERTIES',
  'STATISTICS DATA',
]);
const sayingOf: ReadonlySet<string> = new Set(['ACL', 'COMMENT', 'SECURITY LABEL']);

/** Whether an entry of pg_dump's table of contents enters the counts and the digest of definitions. */
export function isCountedEntry(kind: string, tag: string | null): boolean {
  return !leftOut.has(kind) && !(sayingOf.has(kind) && tag?.startsWith('DATABASE ') === true);
}
