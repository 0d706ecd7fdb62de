import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProblemId, problemId, problemKindNames } from '../../lib/core/problem-kinds.ts';
import { type Problem, problemChanges } from '../../lib/core/problems.ts';

const problem: Problem = { id: 'catalog-down', kind: 'catalog-down', target: null, message: 'the catalog is away' };
const at = (hour: number): { readonly now: Date; readonly repeatMs: number } => ({
  now: new Date(Date.UTC(2026, 10, 21, hour)),
  repeatMs: 24 * 3_600_000,
});

test('a problem begins once, lasts in silence, is told again after a day, and ends once', () => {
  const first = problemChanges([], [problem], at(0));
  const later = problemChanges(first.open, [problem], at(1));
  const nextDay = problemChanges(later.open, [problem], at(24));
  const over = problemChanges(nextDay.open, [], at(25));

  assert.deepEqual(
    [first, later, nextDay, over].map(({ open, began, ended }) => [open.length, began.length, ended.length]),
    [
      [1, 1, 0],
      [1, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
    ],
  );
  assert.equal(nextDay.open[0]?.since, '2026-11-21T00:00:00.000Z');
});

test('every kind can be told from its id, alone and with a subject', () => {
  for (const kind of problemKindNames) {
    assert.deepEqual(parseProblemId(kind), { kind, subject: undefined });
    assert.deepEqual(parseProblemId(problemId(kind, 'orders-logical')), { kind, subject: 'orders-logical' });
  }
  assert.equal(parseProblemId('cpu-high'), undefined);
});
