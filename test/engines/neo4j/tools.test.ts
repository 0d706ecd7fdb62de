import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findNeo4j, isOlder } from '../../../lib/engines/neo4j/tools.ts';

test('versions are compared number by number, and calendar versions come after 5', () => {
  assert.equal(isOlder('5.9.0', '5.26.1'), true);
  assert.equal(isOlder('5.26.30', '2025.01.0'), true);
  assert.equal(isOlder('2025.10.1', '2025.09.3'), false);
  assert.equal(isOlder('5.26.30', '5.26.30'), false);
  assert.equal(isOlder('5.26.30', '5'), false);
});

test('where there are no programs of Neo4j, what to do is said', async () => {
  await assert.rejects(findNeo4j('5', { folders: ['/nonexistent'], elsewhere: [] }), {
    code: 'tool-missing',
    hint: /HOLDFAST_NEO4J_BIN/,
  });
});
