import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Output } from '../../lib/cli/output.ts';

/** What goes to stderr, where that is no terminal. */
function printed(t: import('node:test').TestContext, use: (output: Output) => void): string {
  let text = '';
  t.mock.method(process.stderr, 'write', (line: string) => {
    text += line;
    return true;
  });
  use(new Output({ json: false }));
  return text;
}

test('progress is one line, whatever the name of what is looked at', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const text = printed(t, (output) => output.progress({ phase: 'amcheck', detail: '"two\nlines\u001b[2J"' }));
  assert.equal(text, 'amcheck "two\\nlines\\u001b[2J"\n');
});

test('of a phase that goes through thousands of things, two a second are told', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const text = printed(t, (output) => {
    for (let index = 0; index < 1000; index++) {
      output.progress({ phase: 'amcheck', detail: `table_${index}` });
      t.mock.timers.tick(2);
    }
    output.progress({ phase: 'checksums' });
  });
  assert.deepEqual(text.split('\n'), [
    'amcheck table_0',
    'amcheck table_250',
    'amcheck table_500',
    'amcheck table_750',
    'checksums',
    '',
  ]);
});
