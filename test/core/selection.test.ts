import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTableName, selectionOf } from '../../lib/core/selection.ts';

test('a table is named by schema and name, each quoted where it holds a dot or a quotation mark', () => {
  assert.deepEqual(parseTableName('public.orders'), { schema: 'public', name: 'orders' });
  assert.deepEqual(parseTableName('Sales.Order Lines'), { schema: 'Sales', name: 'Order Lines' });
  assert.deepEqual(parseTableName('"a.b"."say ""hi"""'), { schema: 'a.b', name: 'say "hi"' });
  assert.deepEqual(parseTableName('public.-h'), { schema: 'public', name: '-h' });
  assert.deepEqual(parseTableName('naïve.täble 😀'), { schema: 'naïve', name: 'täble 😀' });
});

test('a name without its schema, or with dots that may mean anything, is refused with an example', () => {
  for (const text of ['orders', 'a.b.c', '.orders', 'public.', '"public.orders']) {
    assert.throws(() => parseTableName(text), { code: 'usage', hint: /public\.orders/ });
  }
});

test('nothing chosen is no selection, and dependencies of nothing are refused', () => {
  assert.equal(selectionOf({}), undefined);
  assert.equal(selectionOf({ schemas: null, tables: [] }), undefined);
  assert.deepEqual(selectionOf({ schemas: ['sales'] }), {
    schemas: ['sales'],
    tables: [],
    paths: [],
    withDependencies: false,
  });
  assert.throws(() => selectionOf({ withDependencies: true }), { code: 'usage' });
});
