import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { problemKindNames, runbookOf } from '../../lib/core/problem-kinds.ts';
import { commandsOf, complaint, inlineCommandsOf } from './command-lines.ts';

const folder = 'docs/runbooks';
const files = readdirSync(folder).filter((file) => file !== 'README.md');
const textOf = (file: string): string => readFileSync(`${folder}/${file}`, 'utf8');

test('every kind of problem has its runbook, and there is no other', () => {
  assert.deepEqual(files.toSorted(), problemKindNames.map((kind) => `${kind}.md`).toSorted());
  const index = readFileSync(`${folder}/README.md`, 'utf8');
  for (const kind of problemKindNames) assert.ok(index.includes(`[${kind}](${kind}.md)`), kind);
});

test('every runbook says what happened, what it means, what to do first, why it may be, and when it is over', () => {
  for (const kind of problemKindNames) {
    const text = readFileSync(runbookOf(kind), 'utf8');
    const heads = [...text.matchAll(/^#+ .*$/gm)].map(([head]) => head);
    assert.equal(heads.length, 6, kind);
    assert.deepEqual(heads.slice(1), [
      '## What happened',
      '## Impact',
      '## First',
      '## Causes, and what to do',
      '## It is over when',
    ]);
    assert.ok(text.includes(`Problem \`${kind}\``), kind);
  }
});

test('every command of ours in a runbook is one that the command line takes', () => {
  let seen = 0;
  for (const file of files) {
    const text = textOf(file);
    for (const line of [...commandsOf('holdfast', text), ...inlineCommandsOf('holdfast', text)]) {
      seen += 1;
      assert.equal(complaint(line), undefined, `${file}: ${line}`);
    }
  }
  assert.ok(seen > 60, String(seen));
  assert.equal(complaint('holdfast mend orders'), 'there is no such verb');
  assert.equal(complaint('holdfast list orders --newest'), 'unknown option --newest');
  assert.match(complaint('holdfast backup') ?? '', /^takes other arguments/);
});

test('every link of a runbook leads somewhere', () => {
  for (const file of files)
    for (const [, target = ''] of textOf(file).matchAll(/\]\(([\w-]+\.md)\)/g))
      assert.ok(files.includes(target), `${file}: ${target}`);
});
