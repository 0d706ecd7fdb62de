import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { readNames } from '../../../lib/engines/application/tree/folder-names.ts';
import { pathIn } from '../../../lib/engines/application/tree/read-entry.ts';
import { temporaryFolder } from './run-engine.ts';

test('a folder of very many names gives them in the order of their bytes, as a small one does', async () => {
  using folder = temporaryFolder();
  const root = Buffer.from(folder.path);
  const odd = ['a', 'a.b', 'ab', 'Z', '\x01', '\xe4', '\xff\xfe', '\xc3\xa4'].map((name) =>
    Buffer.from(name, 'latin1'),
  );
  for (const name of odd) writeFileSync(pathIn(root, name), '');
  mkdirSync(pathIn(root, Buffer.from('a-folder')));
  // More than are sorted at a time.
  for (let index = 0; index < 66_000; index++)
    writeFileSync(pathIn(root, Buffer.from(((index * 7919) % 66_000).toString(36))), '');

  const [small, large] = await Promise.all([0n, 65_536n].map((size) => readNames(root, size)));

  const [expected, found] = [small, large].map((names) => [...(names as IteratorObject<{ name: Buffer }>)]);
  assert.deepEqual(found, expected);
  assert.deepEqual(
    found?.map(({ name }) => name),
    found?.map(({ name }) => name).sort(Buffer.compare),
  );
  // 'a' and 'ab' are numbers, too.
  assert.equal(found?.length, 66_000 + 1 + 6);
});
