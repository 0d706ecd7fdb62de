import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commandsOf, complaint } from './command-lines.ts';

const files = [
  'README.md',
  ...['docs', 'docs/playbooks'].flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`)),
].filter((file) => file.endsWith('.md'));

test('every command of ours in a shell block of a document is one that the command line takes', () => {
  let seen = 0;
  for (const file of files) {
    for (const line of commandsOf('holdfast', readFileSync(file, 'utf8'))) {
      seen += 1;
      assert.equal(complaint(line), undefined, `${file}: ${line}`);
    }
  }
  assert.ok(seen > 40, String(seen));
});
