import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureOf, joinHint, splitHint } from '../../lib/core/failure.ts';

test('what a function throws keeps the hint of its own on its way through a state machine', () => {
  const thrown = {
    message: "a snapshot backup of 'cache' has no format 'tar'",
    hint: 'its formats are rdb, json, aof',
  };
  const caught = { Error: 'usage', Cause: JSON.stringify({ errorType: 'usage', errorMessage: joinHint(thrown) }) };

  assert.deepEqual(failureOf(caught), { code: 'usage', ...thrown });
  assert.deepEqual(failureOf({ Error: 'usage', Cause: '{"errorMessage":"no"}' }), {
    code: 'usage',
    message: 'no',
    hint: 'run the same command with --help',
  });
});

test('a message with the mark in it keeps all of its own, and the hint its', () => {
  const failure = { message: "table 'in — out' is gone", hint: "it has 'in - out'" };

  assert.deepEqual(splitHint(joinHint(failure), ''), failure);
  assert.deepEqual(splitHint(joinHint({ ...failure, hint: "it has 'in — out'" }), ''), failure);
});
