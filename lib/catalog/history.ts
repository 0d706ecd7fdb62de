/**
 * The history of one key in a satellite, as a fold over its events: each change is a row that is valid until the next.
 * Pure, so that the same events give the same rows whenever and in whatever order they came to be known.
 */

/** When a row became known, until when it was current, and the event that says so. */
export type Validity = {
  readonly load_date: string;
  readonly load_end_date: string | null;
  readonly record_source: string;
};

/** What is known from `at` on; `row` is null when the thing is no more. */
export type Change<Row> = { readonly at: string; readonly source: string; readonly row: Row | null };

/**
 * The rows of `changes`, in order. A change that changes nothing gives no row. Two changes of one instant, or with clocks that
 * disagree, are put a millisecond apart, since `load_date` tells a key's rows from one another.
 */
export function historyOf<Row extends object>(changes: readonly Change<Row>[]): readonly (Row & Validity)[] {
  const closed: (Row & Validity)[] = [];
  let current: (Row & Validity) | undefined;
  let earliest = 0;
  for (const { at, source, row } of changes) {
    if (current === undefined ? row === null : row !== null && hasSameContent(current, row)) continue;
    const time = Math.max(Date.parse(at), earliest);
    earliest = time + 1;
    const load_date = new Date(time).toISOString();
    if (current !== undefined) closed.push({ ...current, load_end_date: load_date });
    current = row === null ? undefined : { ...row, load_date, load_end_date: null, record_source: source };
  }
  return current === undefined ? closed : [...closed, current];
}

const hasSameContent = <Row extends object>(previous: Row & Validity, row: Row): boolean =>
  (Object.keys(row) as (keyof Row)[]).every((column) => previous[column] === row[column]);

/** Seconds between two times, with milliseconds, as a numeric. */
export const secondsBetween = (beganAt: string, endedAt: string): string =>
  (Math.max(0, Date.parse(endedAt) - Date.parse(beganAt)) / 1000).toFixed(3);

/** The same instant in the one form that rows are compared in. */
export const instant = (time: string): string => new Date(time).toISOString();
