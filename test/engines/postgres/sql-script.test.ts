import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitList } from '../../../lib/engines/postgres/properties.ts';
import { leadingIdentifier, splitStatements } from '../../../lib/engines/postgres/sql-script.ts';

test('a script is split at the semicolons between statements, not at those in names, texts and comments', () => {
  const script = `--
-- PostgreSQL; database cluster dump
--
\\restrict aBc;dEf
SET client_encoding = 'UTF8';
CREATE ROLE "odd; ""role"" -- x";
COMMENT ON ROLE a IS 'it''s; -- not
a comment';
ALTER ROLE a SET search_path TO E'back\\\\slash\\'; still', 'b';
;
\\unrestrict aBc;dEf
`;

  assert.deepEqual(splitStatements(script), [
    "SET client_encoding = 'UTF8'",
    'CREATE ROLE "odd; ""role"" -- x"',
    "COMMENT ON ROLE a IS 'it''s; -- not\na comment'",
    "ALTER ROLE a SET search_path TO E'back\\\\slash\\'; still', 'b'",
  ]);
});

test('a leading identifier is read with or without quotes', () => {
  assert.equal(leadingIdentifier('app WITH LOGIN'), 'app');
  assert.equal(leadingIdentifier('"a ""b"" c" IS NULL'), 'a "b" c');
  assert.equal(leadingIdentifier('app, other'), 'app');
  assert.equal(leadingIdentifier(' '), undefined);
});

test('a list of identifiers as the catalog keeps it is taken apart', () => {
  assert.deepEqual(splitList('"$user", "a b", public'), ['$user', 'a b', 'public']);
  assert.deepEqual(splitList('"with ""quotes"", and comma",plain'), ['with "quotes", and comma', 'plain']);
  assert.deepEqual(splitList('""'), ['']);
  assert.deepEqual(splitList(''), []);
});
