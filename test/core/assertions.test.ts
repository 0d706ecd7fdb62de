import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Assertion, assertionProblem, assertionSchema } from '../../lib/core/assertions.ts';

const snapshotAt = '2026-11-21T02:00:00.000Z';
const problem = (expect: Assertion['expect'], rows: readonly (readonly (string | null)[])[]) =>
  assertionProblem({ expect }, rows, snapshotAt);

test('a value is held against text, numbers, truth and null as PostgreSQL writes them', () => {
  assert.equal(problem({ equals: 'open' }, [['open']]), undefined);
  assert.equal(problem({ equals: 42 }, [['42.00']]), undefined);
  assert.equal(problem({ equals: true }, [['t']]), undefined);
  assert.equal(problem({ equals: null }, [[null]]), undefined);
  assert.equal(problem({ equals: 42 }, [['41']]), "expected '42', found '41'");
  assert.equal(problem({ equals: 0 }, [[null]]), "expected '0', found null");
  assert.equal(problem({ equals: 0 }, [['']]), "expected '0', found ''");
});

test('a figure has to lie between its bounds, and what is no figure lies nowhere', () => {
  assert.equal(problem({ min: 1, max: 3 }, [['3']]), undefined);
  assert.equal(problem({ min: 4 }, [['3']]), "expected at least 4, found '3'");
  assert.equal(problem({ max: 2 }, [['3']]), "expected at most 2, found '3'");
  assert.equal(problem({ min: 0 }, [[null]]), 'expected at least 0, found null');
  assert.equal(problem({ max: 9 }, [['many']]), "expected at most 9, found 'many'");
});

test('freshness is measured from the snapshot and not from the day of the test', () => {
  assert.equal(problem({ withinHours: 26 }, [['2026-11-20 00:00:00+00']]), undefined);
  assert.equal(problem({ withinHours: 26 }, [['2026-11-20 01:00:00.5+01']]), undefined);
  assert.equal(problem({ withinHours: 1 }, [['2026-11-21 01:30:00']]), undefined);
  assert.equal(
    problem({ withinHours: 26 }, [['2026-11-19 23:00:00+00']]),
    "expected a time within 26 hours before the snapshot of 2026-11-21T02:00:00.000Z, found '2026-11-19 23:00:00+00', 27.0 hours before it",
  );
  assert.equal(problem({ withinHours: 26 }, [[null]]), 'expected a time, found null');
});

test('rows are compared by number, width and value, and the first difference alone is shown', () => {
  const rows = [
    ['1', 'a'],
    ['2', 'b'],
  ];

  assert.equal(
    problem(
      {
        rows: [
          [1, 'a'],
          [2, 'b'],
        ],
      },
      rows,
    ),
    undefined,
  );
  assert.equal(
    problem(
      {
        rows: [
          [1, 'a'],
          [2, 'c'],
        ],
      },
      rows,
    ),
    "expected 'c' in row 2, column 2, found 'b'",
  );
  assert.equal(problem({ rows: [[1, 'a']] }, rows), 'expected 1 rows, found 2');
  assert.equal(problem({ rows: [[1], [2]] }, rows), 'expected 1 columns in row 1, found 2');
  assert.equal(problem({ rowCount: 3 }, rows), 'expected 3 rows, found 2');
});

test('an answer of several rows is no value', () => {
  assert.equal(problem({ min: 1 }, [['1'], ['2']]), 'expected one value, found 2 rows of 1 columns');
  assert.equal(problem({ min: 1 }, []), 'expected one value, found 0 rows of 0 columns');
});

test('a long value is cut in the message', () => {
  assert.ok((problem({ equals: 'x' }, [['y'.repeat(5000)]]) ?? '').length < 200);
});

test('an assertion that expects nothing is refused', () => {
  const parsed = assertionSchema.safeParse({ name: 'n', database: 'd', sql: 'select 1', expect: {} });

  assert.match(parsed.error?.message ?? '', /expects nothing/);
});
