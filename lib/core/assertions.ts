import * as z from 'zod';

/** A value as SQL gives it, in the form in which people write it. */
const valueSchema = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const expectSchema = z
  .strictObject({
    equals: valueSchema.optional().describe('The only column of the only row is this'),
    min: z.number().optional().describe('… is at least this'),
    max: z.number().optional().describe('… is at most this'),
    withinHours: z
      .number()
      .positive()
      .optional()
      .describe("… is a time no further before the backup's snapshot than this"),
    rowCount: z.number().int().nonnegative().max(1000).optional().describe('There are this many rows'),
    rows: z.array(z.array(valueSchema)).max(1000).optional().describe('The rows, in order, are exactly these'),
  })
  .refine((wanted) => Object.values(wanted).some((value) => value !== undefined), 'expects nothing')
  .describe('All of what is given must hold');

const nameSchema = z.string().min(1).max(200).describe('Said when it fails');

/** What a user knows of the content: a question, and the answer that a good copy gives. */
export const assertionSchema = z.strictObject({
  name: nameSchema,
  database: z.string().min(1).describe('Where it is asked'),
  sql: z.string().min(1).describe('One statement; it runs read-only, as a role that may read everything'),
  expect: expectSchema,
});
export type SqlAssertion = z.infer<typeof assertionSchema>;

/** The same where a question is in Cypher. */
export const cypherAssertionSchema = z.strictObject({
  name: nameSchema,
  database: z.string().min(1).default('neo4j').describe('Where it is asked'),
  cypher: z.string().min(1).describe('One statement; it runs in a session that may only read'),
  expect: expectSchema,
});
export type CypherAssertion = z.infer<typeof cypherAssertionSchema>;

/** The same where a question is a command. */
export const commandAssertionSchema = z.strictObject({
  name: nameSchema,
  database: z.string().min(1).default('0').describe('Where it is asked'),
  command: z
    .array(z.string())
    .min(1)
    .describe('One command and its arguments, e.g. [HLEN, settings]; it runs as a user who may read and nothing else'),
  expect: expectSchema,
});
export type CommandAssertion = z.infer<typeof commandAssertionSchema>;

/** A question in the language of its engine. */
export type Assertion = SqlAssertion | CypherAssertion | CommandAssertion;

/** What the statement gave: every value in its server's text form. */
export type AssertionRows = readonly (readonly (string | null)[])[];

/**
 * Why the answer is not the expected one, or undefined when it is. Names what was expected and found, and no other value of the answer.
 * `snapshotAt` is the moment that the database shows, which fresh data are measured from: a backup that is a week old must not fail for that.
 */
export function assertionProblem(
  { expect }: Pick<Assertion, 'expect'>,
  rows: AssertionRows,
  snapshotAt: string,
): string | undefined {
  if (expect.rowCount !== undefined && rows.length !== expect.rowCount)
    return `expected ${expect.rowCount} rows, found ${rows.length}`;
  if (expect.rows !== undefined) {
    const problem = rowsProblem(expect.rows, rows);
    if (problem !== undefined) return problem;
  }
  const { equals, min, max, withinHours } = expect;
  if ([equals, min, max, withinHours].every((wanted) => wanted === undefined)) return undefined;
  if (rows.length !== 1 || rows[0]?.length !== 1)
    return `expected one value, found ${rows.length} rows of ${rows[0]?.length ?? 0} columns`;
  const found = rows[0][0] ?? null;
  if (equals !== undefined && !isSame(equals, found)) return `expected ${quoted(equals)}, found ${quoted(found)}`;
  if (min !== undefined && !(numberOf(found) >= min)) return `expected at least ${min}, found ${quoted(found)}`;
  if (max !== undefined && !(numberOf(found) <= max)) return `expected at most ${max}, found ${quoted(found)}`;
  return withinHours === undefined ? undefined : freshnessProblem(found, withinHours, snapshotAt);
}

function rowsProblem(wanted: NonNullable<Assertion['expect']['rows']>, rows: AssertionRows): string | undefined {
  if (rows.length !== wanted.length) return `expected ${wanted.length} rows, found ${rows.length}`;
  for (const [index, row] of wanted.entries()) {
    const found = rows[index] ?? [];
    if (found.length !== row.length) return `expected ${row.length} columns in row ${index + 1}, found ${found.length}`;
    const column = row.findIndex((value, place) => !isSame(value, found[place] ?? null));
    if (column >= 0)
      return `expected ${quoted(row[column] ?? null)} in row ${index + 1}, column ${column + 1}, found ${quoted(found[column] ?? null)}`;
  }
  return undefined;
}

function freshnessProblem(found: string | null, withinHours: number, snapshotAt: string): string | undefined {
  const time = timeOf(found);
  if (Number.isNaN(time)) return `expected a time, found ${quoted(found)}`;
  const hours = (Date.parse(snapshotAt) - time) / 3_600_000;
  if (hours <= withinHours) return undefined;
  return `expected a time within ${withinHours} hours before the snapshot of ${snapshotAt}, found ${quoted(found)}, ${hours.toFixed(1)} hours before it`;
}

/** `2026-11-21 02:00:00+00` as a moment; a time without a zone is in UTC, which every session here is in. */
function timeOf(text: string | null): number {
  const iso = (text ?? '').replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00');
  return Date.parse(/(?:Z|[+-]\d\d:\d\d)$/.test(iso) ? iso : `${iso}${iso.includes('T') ? 'Z' : ''}`);
}

const numberOf = (text: string | null): number => (text === null || text.trim() === '' ? Number.NaN : Number(text));

function isSame(wanted: z.infer<typeof valueSchema>, found: string | null): boolean {
  if (wanted === null || found === null) return wanted === found;
  if (typeof wanted === 'number') return numberOf(found) === wanted;
  if (typeof wanted === 'boolean') return (wanted ? ['t', 'true'] : ['f', 'false']).includes(found);
  return found === wanted;
}

/** Long texts are cut: what is asserted is a figure or a word, and a message is no place for a document. */
function quoted(value: z.infer<typeof valueSchema>): string {
  if (value === null) return 'null';
  const text = String(value);
  return `'${text.length > 100 ? `${text.slice(0, 100)}…` : text}'`;
}
