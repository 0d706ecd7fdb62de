import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { openDataFolder, takeBack } from '../../../../lib/engines/postgres/recover/data-folder.ts';
import { openFolder } from './cluster-source.ts';

test('what a failed restore takes back is its own: neither what lies beside it nor folders that others use by now', () => {
  using place = openFolder('data-folder');
  const data = openDataFolder(path.join(place.path, 'clusters', 'monday', 'data'));
  writeFileSync(path.join(data.path, 'PG_VERSION'), '17\n');
  // Another restore, into a folder beside it, has ended meanwhile.
  const other = path.join(place.path, 'clusters', 'tuesday');
  mkdirSync(other);
  writeFileSync(path.join(other, 'PG_VERSION'), '16\n');

  takeBack(data);

  assert.equal(existsSync(path.join(place.path, 'clusters', 'monday')), false);
  assert.equal(readFileSync(path.join(other, 'PG_VERSION'), 'utf8'), '16\n');
});

test('folders that were made for a restore go with it, and one that was there stays', () => {
  using place = openFolder('data-folder');
  const made = openDataFolder(path.join(place.path, 'a', 'b', 'c'));
  const there = path.join(place.path, 'there');
  mkdirSync(there);

  takeBack(made);
  takeBack(openDataFolder(there));

  assert.equal(existsSync(path.join(place.path, 'a')), false);
  assert.equal(existsSync(there), true);
});
